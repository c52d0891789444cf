//! One public function is one sentence of the product.

pub mod accounts;
mod acting;
pub mod actions;
pub mod agents;
pub mod analytics;
pub mod answering;
pub mod apply;
pub mod assisting;
pub mod authenticating;
pub mod beginning;
pub mod calendars;
mod carrying;
pub mod channels;
pub mod chatting;
pub mod codes;
pub mod contacts;
pub mod conversing;
pub mod days;
pub mod directory;
pub mod downloading;
mod embedding;
pub mod erasing;
pub mod exporting;
pub mod falling_back;
pub mod filing;
pub mod follow_ups;
pub mod ingesting;
pub mod keys;
pub mod knocking;
pub mod knowledge;
pub mod lead_forms;
pub mod leads;
pub mod members;
pub mod memories;
pub mod once;
pub mod passwords;
mod profiling;
pub mod ranking;
pub mod recalling;
pub mod receiving;
mod rendering;
pub mod retaining;
pub mod routing;
pub mod sending;
pub mod signing_in;
pub mod tasks;
pub mod templating;
pub mod throttling;
pub mod tokens;
pub mod usage;
pub mod vendors;
pub mod visiting;
pub mod webhooks;
pub mod withdrawing;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::actors::agents::Agents;
use crate::actors::hub::Hub;
use crate::actors::supervisor::Conversations;
use crate::domain::plans::Plans;
use crate::store::Store;

use accounts::SignUp;
use directory::Directory;
use passwords::Passwords;
use routing::Routes;
use throttling::Throttle;
use vendors::Surroundings;

/// How the product behaves where its operator may choose.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where files are kept.
    pub files: PathBuf,
    /// The program that reads documents which may break their reader: this one.
    pub reader: PathBuf,
    /// How long to wait for more before a turn.
    pub quiet_period: Duration,
    /// How long an uncertain send waits for its receipt before it is sent again.
    pub receipt_wait: Duration,
    /// Messages of context that a model gets.
    pub history: i64,
    /// Largest file that is fetched from a vendor, in bytes.
    pub largest_file: u64,
    /// A turn that takes longer shows a typing sign where the channel has one.
    pub slow_turn: Duration,
    /// Longest time a chat request waits for its answer.
    pub answer_timeout: Duration,
    /// Longest time that a model may take to rank a day's things.
    pub ranking_timeout: Duration,
    /// Key under which visitor tokens are signed.
    pub token_key: [u8; 32],
    /// The key before it, under which tokens are still good while the installation changes its master key.
    pub previous_token_key: Option<[u8; 32]>,
    /// Key under which access tokens are signed and one-time codes hashed.
    pub access_key: [u8; 32],
    /// The key before it, while the installation changes its master key.
    pub previous_access_key: Option<[u8; 32]>,
    /// Who may make an account.
    pub sign_up: SignUp,
    /// Sign-in codes are written to the log, for development.
    pub shows_codes: bool,
    /// How long a visitor's token is good.
    pub visitor_lifetime: Duration,
    /// Where people reach this installation, without a slash at the end; links to files begin with it.
    pub public_url: Option<String>,
    /// The same for vendors; none where the operator has not said that vendors can.
    pub callback_url: Option<String>,
    /// What workspaces may use.
    pub plans: Arc<Plans>,
    /// How long after an erasure everything has ended that was under way.
    pub settle: Duration,
    /// The forecast service that days show the weather of; none: they show none.
    pub weather_url: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            files: PathBuf::from("data/files"),
            reader: PathBuf::from("switchboard"),
            quiet_period: Duration::from_millis(400),
            receipt_wait: Duration::from_secs(30),
            history: 20,
            largest_file: 100 * 1024 * 1024,
            slow_turn: Duration::from_millis(700),
            answer_timeout: Duration::from_secs(120),
            ranking_timeout: Duration::from_secs(10),
            token_key: [0; 32],
            previous_token_key: None,
            access_key: [0; 32],
            previous_access_key: None,
            sign_up: SignUp::Invited,
            shows_codes: false,
            visitor_lifetime: Duration::from_secs(30 * 24 * 60 * 60),
            public_url: None,
            callback_url: None,
            plans: Arc::default(),
            settle: Duration::from_secs(5 * 60),
            weather_url: None,
        }
    }
}

/// The product: what every door calls. Clones share everything.
#[derive(Clone)]
pub struct Switchboard {
    /// The database.
    pub store: Store,
    /// The living conversations.
    pub conversations: Conversations,
    /// The living agents.
    pub agents: Agents,
    /// Who watches what.
    pub hub: Hub,
    /// Recently read configuration.
    pub directory: Arc<Directory>,
    /// Recently used ways from identities to conversations.
    pub routes: Arc<Routes>,
    /// Recently read templates of channels.
    pub templates: Arc<templating::Templates>,
    /// Who tries too often.
    pub throttle: Arc<Throttle>,
    /// Turns of work with passwords.
    pub passwords: Arc<Passwords>,
    /// What calendars had when they were read lately.
    pub calendars: Arc<calendars::Read>,
    /// Forecasts of late.
    pub forecasts: Arc<days::Forecasts>,
    /// What models said of late about what to do first.
    pub orders: Arc<ranking::Orders>,
    /// The operator's choices.
    pub options: Arc<Options>,
    /// What chat requests brought along for their one answer, by conversation.
    pub(crate) contexts: chatting::Contexts,
}

impl Switchboard {
    /// Unix milliseconds.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.store.clock().now()
    }

    /// Puts the parts together.
    #[must_use]
    pub fn new(store: Store, conversations: Conversations, agents: Agents, hub: Hub, options: Options) -> Self {
        Self {
            directory: Arc::new(Directory::new(
                store.clone(),
                Surroundings { public_url: options.callback_url.clone() },
            )),
            routes: Arc::default(),
            templates: Arc::default(),
            throttle: Arc::default(),
            passwords: Arc::default(),
            calendars: Arc::default(),
            forecasts: Arc::default(),
            orders: Arc::default(),
            options: Arc::new(options),
            contexts: Arc::default(),
            store,
            conversations,
            agents,
            hub,
        }
    }
}
