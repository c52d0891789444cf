//! A stage: a fresh folder, a vendor, a gateway set up against it, and a book of customers. One measurement, one stage.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use crate::Outcome;
use crate::arguments::Arguments;
use crate::book::Book;
use crate::gateway::{Gateway, Setup, free_address};
use crate::vendor::Vendor;
use crate::webhook::{Postman, unix_time};

/// Everything that a measurement plays on, but the gateway itself, which may start and end many times on it.
pub struct Stage {
    /// How the gateway is set up.
    pub setup: Setup,
    /// Its customers.
    pub book: Arc<Book>,
    /// Makes their deliveries.
    pub postman: Postman,
    /// What it answers to.
    pub vendor: Vendor,
    _folder: Folder,
}

/// A folder that is removed in the end.
pub struct Folder(PathBuf);

impl Folder {
    /// Makes a fresh folder below the one for measurements.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn fresh(arguments: &Arguments) -> Outcome<Self> {
        let name = format!("{}-{}", std::process::id(), unix_time().as_nanos());
        std::fs::create_dir_all(&arguments.folder)?;
        let folder = arguments.folder.canonicalize()?.join(name);
        std::fs::create_dir(&folder)?;
        Ok(Self(folder))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.0.clone()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed stays below the build's folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Stage {
    /// Prepares a stage of these customers; with receipts, if the vendor shall send any.
    ///
    /// # Errors
    /// The vendor cannot listen, or the gateway refuses its set-up.
    pub async fn prepare(arguments: &Arguments, customers: Range<u32>, receipts: bool) -> Outcome<Self> {
        let folder = Folder::fresh(arguments)?;
        let listen = free_address()?;
        let setup =
            Setup { binary: arguments.gateway()?, folder: folder.path(), database: arguments.database.clone(), listen };
        let book = Arc::new(Book::new(customers)?);
        let run = u64::try_from(unix_time().as_nanos()).unwrap_or_default();
        let postman = Postman::new(listen, run).ok_or("the deliveries cannot be signed")?;
        let vendor = Vendor::start(arguments.simulator, &book, listen, receipts).await?;
        setup.apply(&vendor.base_url()).await?;
        Ok(Self { setup, book, postman, vendor, _folder: folder })
    }

    /// Starts the gateway.
    ///
    /// # Errors
    /// It does not become ready.
    pub async fn start(&self) -> Outcome<Gateway> {
        self.setup.start("serve").await
    }

    /// Where the gateway listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.setup.listen
    }
}
