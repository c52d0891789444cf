//! What the integration tests share: databases of their own, and people who write.

pub mod databases;
pub mod people;
