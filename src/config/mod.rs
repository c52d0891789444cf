//! Settings: built-in defaults, then the file, then the environment, then flags. It composes the rooms' own options and
//! is the only room that reads the environment; no room below the roof sees it.

mod check;
mod database;
pub mod demo;
mod environment;
mod keys;
mod load;
mod master_key;
mod plans;
mod prices;
mod problem;
mod reference;
mod span;
/// Networks and addresses separated by commas; none when one cannot be read.
fn networks(list: &str) -> Option<Vec<IpNet>> {
    let network = |text: &str| text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    list.split(',').map(str::trim).filter(|text| !text.is_empty()).map(network).collect()
}

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use switchboard_channels::contract::credentials::Secret;

use crate::cache;
use crate::llm::embeddings::Embedder;
use crate::net;
use crate::store;
use crate::store::seal::Sealer;
use crate::telemetry::logs;

pub use check::Mode;
pub use database::DatabaseUrl;
pub use environment::environment;
pub use load::Flags;
pub use problem::{Problem, SettingsError};
pub use reference::{reference, sample};
pub use span::Span;

/// Everything an operator may set.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Folder of everything that is kept on disk.
    pub data_dir: PathBuf,
    /// Address and port of the HTTP server.
    pub listen: SocketAddr,
    /// The database; none: `SQLite` in the data folder.
    pub database: Option<DatabaseUrl>,
    /// Where others reach this installation; none: the address it listens on.
    pub public_url: Option<String>,
    /// File of the plans; none: the built-in ones.
    pub plans: Option<PathBuf>,
    /// The Redis in which several nodes count together; none: each node counts by itself.
    pub redis: Option<String>,
    /// File of the models' prices; none: the built-in ones.
    pub prices: Option<PathBuf>,
    /// HTTP workers; 0: as many as the machine has processors.
    pub workers: usize,
    /// Threads that conversations live on; 0: as many as the machine has processors.
    pub shards: usize,
    /// Secrets of the installation.
    pub security: Security,
    /// The way out.
    pub network: Network,
    /// The installation's own accounts with providers of models.
    pub models: Models,
    /// Sends to vendors.
    pub sending: Sending,
    /// Conversations.
    pub conversations: Conversations,
    /// What the assistant knows of the world.
    pub assistant: Assistant,
    /// How what is remembered and known is found by its meaning, too.
    pub embeddings: Embeddings,
    /// What a client may ask of the HTTP server.
    pub limits: Limits,
    /// Files from and for messages.
    pub media: Media,
    /// What is kept of people.
    pub privacy: Privacy,
    /// How the database is used.
    pub store: StoreSettings,
    /// How the process ends.
    pub shutdown: Shutdown,
    /// Logs.
    pub logging: Logging,
}

/// Secrets of the installation.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Security {
    /// 64 hex digits; seals every secret in the database.
    pub master_key: Option<Secret>,
    /// The master key before it, while secrets are still sealed with it.
    pub previous_master_key: Option<Secret>,
    /// Who may make an account; none: everybody with `dev`, who was invited with `serve`.
    pub sign_up: Option<SignUp>,
}

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignUp {
    /// Everybody.
    Open,
    /// The first one, and then who was invited.
    Invited,
    /// Nobody; who was invited may still accept.
    Closed,
}

/// The way out, and who is believed on the way in.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// Lets addresses that customers and vendors name lead into private networks.
    pub allow_private_addresses: bool,
    /// How long a connection may take to come about.
    pub connect_timeout: Span,
    /// How long a whole exchange may take.
    pub request_timeout: Span,
    /// How long a download may stand still.
    pub download_idle_timeout: Span,
    /// The largest answer that is read, in bytes.
    pub max_response_bytes: u64,
    /// Idle connections kept per host.
    pub idle_connections_per_host: usize,
    /// How long an idle connection is kept.
    pub idle_connection_timeout: Span,
    /// Networks of proxies that are believed about whom they speak for, separated by commas.
    pub trusted_proxies: Option<String>,
}

/// The installation's own accounts with providers of models.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Models {
    /// Key for `openai/…`.
    pub openai_key: Option<Secret>,
    /// Key for `anthropic/…`.
    pub anthropic_key: Option<Secret>,
    /// Key for `gemini/…`.
    pub gemini_key: Option<Secret>,
    /// Where `openai/…` is served with this key; none: at the provider's.
    pub openai_url: Option<String>,
    /// The same for `anthropic/…`.
    pub anthropic_url: Option<String>,
    /// The same for `gemini/…`.
    pub gemini_url: Option<String>,
}

/// Sends to vendors.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sending {
    /// How long an uncertain send waits for its receipt before it is sent again.
    pub receipt_wait: Span,
}

/// Conversations.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Conversations {
    /// How long it must be quiet before a burst of messages is answered as one.
    pub quiet_period: Span,
    /// How long an idle conversation stays in memory.
    pub idle_after: Span,
    /// Earlier messages that an agent is given as context.
    pub history: usize,
}

/// What the assistant knows of the world.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Assistant {
    /// Base address of a forecast service; none: days show no weather.
    pub weather_url: Option<String>,
}

/// How what is remembered and known is found by its meaning, too.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Embeddings {
    /// Base address of a server of embeddings; none: everything is found by its words.
    pub url: Option<String>,
    /// The model of embeddings.
    pub model: Option<String>,
    /// The server's key.
    pub key: Option<Secret>,
}

/// What a client may ask of the HTTP server.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The largest body of a callback, in bytes.
    pub body_bytes: usize,
    /// How long a request may take to arrive.
    pub request_timeout: Span,
    /// Connections per worker.
    pub connections: usize,
    /// Requests a minute from one address; 0: as many as it likes.
    pub requests_per_address: u32,
    /// Networks whose requests are not counted by address, separated by commas.
    pub uncounted_addresses: String,
}

/// Files from and for messages.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Media {
    /// The largest file that is kept, in bytes.
    pub max_bytes: u64,
}

/// What is kept of people.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Privacy {
    /// How long after an erasure everything has ended that was under way.
    pub settle: Span,
}

/// How the database is used.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreSettings {
    /// Connections for reading (`SQLite`), or in all (`PostgreSQL`).
    pub connections: u32,
    /// Changes that may wait for the writer.
    pub queue: usize,
    /// How long this process keeps its jobs without a sign of life.
    pub lease: Span,
    /// How long to wait for a connection.
    pub acquire_timeout: Span,
}

/// How the process ends.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shutdown {
    /// How long what is in hand may take to finish.
    pub deadline: Span,
}

/// Logs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Logging {
    /// How lines look.
    pub format: logs::Format,
    /// What is logged: a level, or directives such as `info,switchboard::jobs=debug`.
    pub level: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("data"),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            database: None,
            public_url: None,
            plans: None,
            redis: None,
            prices: None,
            workers: 0,
            shards: 0,
            security: Security::default(),
            network: Network::default(),
            models: Models::default(),
            sending: Sending::default(),
            conversations: Conversations::default(),
            assistant: Assistant::default(),
            embeddings: Embeddings::default(),
            limits: Limits::default(),
            media: Media::default(),
            privacy: Privacy::default(),
            store: StoreSettings::default(),
            shutdown: Shutdown::default(),
            logging: Logging::default(),
        }
    }
}

impl Default for Network {
    fn default() -> Self {
        let options = net::Options::default();
        Self {
            allow_private_addresses: options.allow_private_addresses,
            connect_timeout: options.connect_timeout.into(),
            request_timeout: options.request_timeout.into(),
            download_idle_timeout: options.download_idle_timeout.into(),
            max_response_bytes: options.max_response_bytes,
            idle_connections_per_host: options.idle_connections_per_host,
            idle_connection_timeout: options.idle_connection_timeout.into(),
            trusted_proxies: None,
        }
    }
}

impl Default for Sending {
    fn default() -> Self {
        Self { receipt_wait: Span::seconds(30) }
    }
}

impl Default for Conversations {
    fn default() -> Self {
        Self { quiet_period: Span::millis(400), idle_after: Span::seconds(10 * 60), history: 20 }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 4 * 1024 * 1024,
            request_timeout: Span::seconds(10),
            connections: 25_000,
            requests_per_address: 1_200,
            uncounted_addresses: "127.0.0.0/8, ::1".to_owned(),
        }
    }
}

impl Default for Media {
    fn default() -> Self {
        Self { max_bytes: 100 * 1024 * 1024 }
    }
}

impl Default for Privacy {
    fn default() -> Self {
        Self { settle: Span::seconds(5 * 60) }
    }
}

impl Default for StoreSettings {
    fn default() -> Self {
        let options = store::Options::default();
        Self {
            connections: options.connections,
            queue: options.queue,
            lease: Span::millis(options.lease_ms.unsigned_abs()),
            acquire_timeout: options.acquire_timeout.into(),
        }
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { deadline: Span::seconds(20) }
    }
}

impl Default for Logging {
    fn default() -> Self {
        Self { format: logs::Format::Auto, level: "info".to_owned() }
    }
}

impl Settings {
    /// The database to use.
    #[must_use]
    pub fn database(&self) -> DatabaseUrl {
        self.database
            .clone()
            .unwrap_or_else(|| DatabaseUrl::new(format!("sqlite:{}", self.data_dir.join("switchboard.db").display())))
    }

    /// The folder of files from and for messages.
    #[must_use]
    pub fn files_dir(&self) -> PathBuf {
        self.data_dir.join("files")
    }

    /// Where others reach this installation, without a slash at the end.
    #[must_use]
    pub fn public_url(&self) -> String {
        match &self.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{}", reachable(self.listen)),
        }
    }

    /// The master key's bytes, where it is set and well-formed.
    #[must_use]
    pub fn master_key(&self) -> Option<[u8; 32]> {
        bytes_of(self.security.master_key.as_ref()?)
    }

    /// The bytes of the master key before it, where it is set and well-formed.
    #[must_use]
    pub fn previous_master_key(&self) -> Option<[u8; 32]> {
        bytes_of(self.security.previous_master_key.as_ref()?)
    }

    /// What seals and opens the secrets in the database, where the master key is set and well-formed.
    #[must_use]
    pub fn sealer(&self) -> Option<Sealer> {
        let sealer = Sealer::new(&self.master_key()?);
        Some(match self.previous_master_key() {
            Some(previous) => sealer.with_previous(&previous),
            None => sealer,
        })
    }

    /// What the store needs.
    #[must_use]
    pub fn store(&self) -> store::Options {
        store::Options {
            url: self.database().reveal().to_owned(),
            connections: self.store.connections,
            queue: self.store.queue,
            lease_ms: i64::try_from(self.store.lease.as_millis()).unwrap_or(i64::MAX),
            acquire_timeout: self.store.acquire_timeout.std(),
        }
    }

    /// What the way out needs.
    #[must_use]
    pub fn net(&self) -> net::Options {
        net::Options {
            allow_private_addresses: self.network.allow_private_addresses,
            connect_timeout: self.network.connect_timeout.std(),
            request_timeout: self.network.request_timeout.std(),
            download_idle_timeout: self.network.download_idle_timeout.std(),
            max_response_bytes: self.network.max_response_bytes,
            idle_connections_per_host: self.network.idle_connections_per_host,
            idle_connection_timeout: self.network.idle_connection_timeout.std(),
            ..net::Options::default()
        }
    }

    /// Networks of proxies that are believed about whom they speak for; none when one cannot be read.
    #[must_use]
    pub fn trusted_proxies(&self) -> Option<Vec<IpNet>> {
        networks(self.network.trusted_proxies.as_deref().unwrap_or_default())
    }

    /// Where requests are counted.
    #[must_use]
    pub fn cache(&self) -> cache::Options {
        cache::Options { url: self.redis.clone() }
    }

    /// Networks whose requests are not counted by address; none when one cannot be read.
    #[must_use]
    pub fn uncounted_addresses(&self) -> Option<Vec<IpNet>> {
        networks(&self.limits.uncounted_addresses)
    }

    /// What embeds memories and knowledge, where that is configured.
    #[must_use]
    pub fn embedder(&self) -> Option<Embedder> {
        let Embeddings { url, model, key } = &self.embeddings;
        Embedder::new(url.as_deref()?, model.as_deref()?, key.clone())
    }

    /// What the logs need.
    #[must_use]
    pub fn logs(&self) -> logs::Options {
        logs::Options { format: self.logging.format, level: self.logging.level.clone() }
    }

    /// The file of the development master key.
    fn development_key_file(&self) -> PathBuf {
        Path::new(&self.data_dir).join("dev.master_key")
    }
}

fn bytes_of(key: &Secret) -> Option<[u8; 32]> {
    let mut bytes = [0_u8; 32];
    hex::decode_to_slice(key.reveal().trim(), &mut bytes).ok()?;
    Some(bytes)
}

/// The address by which this machine reaches a listener: one that listens everywhere is reached on loopback.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}
