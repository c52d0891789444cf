//! What breaks: the process at any step, the network, the vendor, the model, the disk and the database.

#[cfg(feature = "failpoints")]
mod crashes;
mod database;
#[cfg(feature = "failpoints")]
mod embedding;
#[cfg(feature = "failpoints")]
mod erasures;
#[cfg(feature = "failpoints")]
mod ingesting;
mod kills;
mod model;
mod neighbours;
mod nodes;
#[cfg(feature = "failpoints")]
mod panics;
#[cfg(feature = "failpoints")]
mod reminders;
mod vendor;
#[cfg(feature = "failpoints")]
mod webhooks;
