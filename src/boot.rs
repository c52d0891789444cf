//! Wires the rooms: the only file that sees them all.

use crate::config::{Settings, SettingsError};
use crate::store::seal::Sealer;
use crate::store::{Store, StoreError};
use crate::telemetry::clock::Clock;

/// What the process is started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A newcomer's machine.
    Dev,
    /// Production.
    Serve,
}

/// Why the process did not start.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// The settings cannot work.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The database is not available.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The process cannot be told to stop.
    #[error("signals cannot be received: {0}")]
    Signal(#[from] std::io::Error),
}

/// Starts everything, runs until told to stop, and drains.
///
/// # Errors
/// See [`BootError`].
pub async fn serve(settings: Settings, _mode: Mode) -> Result<(), BootError> {
    let key = settings.master_key().ok_or_else(|| SettingsError(settings.check(crate::config::Mode::Serve)))?;
    let (store, _jobs) = Store::open(&settings.store(), Sealer::new(&key), Clock::default()).await?;
    tokio::signal::ctrl_c().await?;
    store.release_lease().await?;
    Ok(())
}
