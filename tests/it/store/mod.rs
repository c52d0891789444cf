//! The store's promises, each kept on both databases.

mod inbound;
