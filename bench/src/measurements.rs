//! The measurements: each prepares its stage, plays its load and gives rows of the table.

pub mod fsyncs;
pub mod idle;
pub mod loads;
pub mod restart;
mod sockets;
