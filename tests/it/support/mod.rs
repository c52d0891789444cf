//! What the integration tests share: databases of their own, people who write, a gateway in this process, and stages for
//! the real binary.

pub mod databases;
pub mod door;
pub mod gateway;
pub mod ledger;
pub mod line;
pub mod mail;
pub mod notifier;
pub mod people;
pub mod process;
pub mod receiver;
pub mod schema;
pub mod stage;
pub mod vendor;
