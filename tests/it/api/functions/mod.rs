//! The functions surface, column by column.

mod webhooks;
