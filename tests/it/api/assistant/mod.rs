//! The assistant's surface, column by column.

mod auth;
