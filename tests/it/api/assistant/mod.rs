//! The assistant's surface, column by column.

mod chat;
