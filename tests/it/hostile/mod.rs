//! Hostile input at the real binary: documented statuses, nothing stored that should not be, others are served.

mod connections;
mod deliveries;
