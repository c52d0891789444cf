//! The vendors' side of every wire: a stand-in for messaging platforms and language models. It knows only what the
//! vendors document and nothing of any gateway, so it could test any gateway.
//!
//! Rooms: `graph` speaks the Graph API and plays `WhatsApp`, `pages` play Messenger and Instagram, `twilio` its REST
//! API, `mail` is an SMTP server with its people, `model` speaks the OpenAI-compatible protocol. `webhooks` carry what
//! each of them tells the gateway, `control` is the API by which tests and people set the stage, `phone` are the pages
//! in the browser, `faults` are the rules that break things, `books` write down what happened, `clock` can be moved. A
//! further vendor is a further folder.
//!
//! ```no_run
//! # async fn example() -> Result<(), switchboard_simulator::Error> {
//! use switchboard_simulator::{Account, Options, start};
//!
//! let callback = "http://127.0.0.1:8080/api/webhooks/whatsapp".to_owned();
//! let account = Account { callback_url: Some(callback), ..Account::default() };
//! let simulator = start(Options { accounts: vec![account], ..Options::default() }).await?;
//! let graph_base_url = simulator.base_url();
//! let model_base_url = format!("{}/v1", simulator.base_url());
//! simulator.stop().await;
//! # Ok(())
//! # }
//! ```

mod accounts;
mod books;
mod channel;
mod clock;
mod control;
mod customers;
mod faults;
mod graph;
mod json;
mod mail;
mod model;
mod pages;
mod phone;
mod server;
mod twilio;
mod webhooks;
mod world;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use actix_web::dev::ServerHandle;
use tokio::task::JoinHandle;

use server::Started;

pub use accounts::{Account, Receipts, Review, WindowRule};
pub use books::{BooksOptions, SentMessage};
pub use channel::Channel;
pub use customers::Customer;
pub use mail::Mailbox;
pub use model::ModelSettings;
pub use pages::Page;
pub use twilio::{ApiKey, TwilioAccount};
pub use world::OnMessage;

/// How a simulator is started.
#[derive(Clone)]
pub struct Options {
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Address of the mail server; a free port of the same host when absent.
    pub smtp_listen: Option<SocketAddr>,
    /// Base of the addresses the simulator gives out; made from `listen` when absent.
    pub public_url: Option<String>,
    /// Accounts that exist from the start.
    pub accounts: Vec<Account>,
    /// Accounts of Messenger and Instagram that exist from the start.
    pub pages: Vec<Page>,
    /// Accounts of Twilio that exist from the start.
    pub twilio: Vec<TwilioAccount>,
    /// Mailboxes that exist from the start.
    pub mailboxes: Vec<Mailbox>,
    /// Customers that exist from the start.
    pub customers: Vec<Customer>,
    /// How much the books keep.
    pub books: BooksOptions,
    /// How the model behaves.
    pub model: ModelSettings,
    /// Called for each accepted message, on the server's thread; it must return quickly.
    pub on_message: Option<OnMessage>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            smtp_listen: None,
            public_url: None,
            accounts: vec![Account::default()],
            pages: Vec::new(),
            twilio: Vec::new(),
            mailboxes: Vec::new(),
            customers: Vec::new(),
            books: BooksOptions::default(),
            model: ModelSettings::default(),
            on_message: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("listen", &self.listen).field("books", &self.books).finish_non_exhaustive()
    }
}

/// Why a simulator could not be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error("cannot listen on {addr}")]
    Bind {
        /// The address asked for.
        addr: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The server's thread could not be started.
    #[error("cannot start the simulator's thread")]
    Thread(#[source] std::io::Error),
    /// The client that sends webhooks could not be made.
    #[error("cannot make the client for webhooks")]
    Client(#[source] reqwest::Error),
}

/// A running simulator. It ends when it is stopped or dropped.
#[derive(Debug)]
pub struct Running {
    addr: SocketAddr,
    smtp_addr: SocketAddr,
    smtp: Option<JoinHandle<()>>,
    handle: ServerHandle,
}

impl Running {
    /// The address it listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The address its mail server listens on.
    #[must_use]
    pub fn smtp_addr(&self) -> SocketAddr {
        self.smtp_addr
    }

    /// `http://host:port`: the base of the Graph API and of Twilio; the model is under `/v1` of it.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Ends it and waits until its addresses are free again.
    pub async fn stop(mut self) {
        self.handle.stop(false).await;
        if let Some(smtp) = self.smtp.take() {
            smtp.abort();
            // Being aborted is the only way in which this task ends.
            let _ = smtp.await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The command is given by the call itself; nobody has to wait for its outcome.
        drop(self.handle.stop(false));
        if let Some(smtp) = &self.smtp {
            smtp.abort();
        }
    }
}

/// Starts a simulator on threads of its own. May be called from any async runtime.
///
/// # Errors
/// When the address cannot be listened on, or threads or the client cannot be made.
pub async fn start(options: Options) -> Result<Running, Error> {
    let Started { addr, handle, smtp_addr, smtp } = server::start(options).await?;
    Ok(Running { addr, handle, smtp_addr, smtp: Some(smtp) })
}
