//! What the integration tests share: databases of their own, people who write, and a gateway to write to.

pub mod databases;
pub mod gateway;
pub mod people;
