//! The vendor's side of the wire while a load runs: by default a stand-in that answers sends with next to no work, so
//! that it takes no processor from the gateway; by choice the whole simulator. Both tell the book what arrived.

mod receipts;
mod stand_in;

use std::net::SocketAddr;
use std::sync::Arc;

use switchboard_simulator::{Account, BooksOptions, Options, Receipts, Running, SentMessage, WindowRule};

use crate::Outcome;
use crate::book::Book;
use crate::webhook::{self, ACCESS_TOKEN, APP_SECRET, PHONE_NUMBER_ID, VERIFY_TOKEN, WABA_ID};
use stand_in::StandIn;

/// Which vendor stands beside the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// The stand-in: answers sends, knows nothing else.
    Minimal,
    /// The simulator: checks, books and answers as the vendor does.
    Full,
}

/// A vendor that runs. It ends when it is dropped.
pub enum Vendor {
    /// The stand-in.
    Minimal(StandIn),
    /// The simulator.
    Full(Running),
}

impl Vendor {
    /// Starts a vendor that sends receipts to the gateway's address, if it shall.
    ///
    /// # Errors
    /// It cannot listen.
    pub async fn start(kind: Kind, book: &Arc<Book>, gateway: SocketAddr, receipts: bool) -> Outcome<Self> {
        match kind {
            Kind::Minimal => {
                let lanes = if receipts { receipts::lanes(gateway, 4)? } else { Vec::new() };
                Ok(Self::Minimal(StandIn::start(Arc::clone(book), lanes).await?))
            }
            Kind::Full => Ok(Self::Full(full(book, gateway, receipts).await?)),
        }
    }

    /// Where its API is.
    #[must_use]
    pub fn base_url(&self) -> String {
        match self {
            Self::Minimal(stand_in) => format!("http://{}", stand_in.address()),
            Self::Full(simulator) => simulator.base_url(),
        }
    }

    /// Receipts that the gateway has acknowledged; none where they are not counted.
    #[must_use]
    pub fn receipts_acknowledged(&self) -> Option<u64> {
        match self {
            Self::Minimal(stand_in) => stand_in.receipts_acknowledged(),
            Self::Full(_) => None,
        }
    }
}

async fn full(book: &Arc<Book>, gateway: SocketAddr, receipts: bool) -> Outcome<Running> {
    let account = Account {
        phone_number_id: PHONE_NUMBER_ID.to_owned(),
        waba_id: WABA_ID.to_owned(),
        access_token: ACCESS_TOKEN.to_owned(),
        app_secret: APP_SECRET.to_owned(),
        verify_token: VERIFY_TOKEN.to_owned(),
        callback_url: receipts.then(|| format!("http://{gateway}/api/webhooks/whatsapp")),
        receipts: if receipts { Receipts::Read } else { Receipts::None },
        receipt_delays_ms: [5, 30, 60],
        parallel: 4,
        window: WindowRule::Off,
        ..Account::default()
    };
    let book = Arc::clone(book);
    let arrived = move |message: &SentMessage| {
        let text = message.body.pointer("/text/body").and_then(serde_json::Value::as_str);
        if let Some(token) = text.and_then(|text| webhook::token_in(text.as_bytes())) {
            book.answered(token);
        }
    };
    let books = BooksOptions { count_only: true, ..BooksOptions::default() };
    let options = Options { accounts: vec![account], books, on_message: Some(Arc::new(arrived)), ..Options::default() };
    Ok(switchboard_simulator::start(options).await?)
}
