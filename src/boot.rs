//! Wires the rooms: the only file that sees them all. Starts them in order, waits, and drains.

mod assets;
mod dev;

use std::io::Write as _;
use std::sync::Arc;

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::rt::task::JoinHandle;
use actix_web::{App, HttpServer};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio_util::sync::CancellationToken;

use crate::actors::agents::{self, Agents};
use crate::actors::hub::Hub;
use crate::actors::supervisor::{self, Conversations};
use crate::api::{self, Doors, limiting, request_id};
use crate::cache::limits::Limits;
use crate::config::{self, Settings, SettingsError};
use crate::jobs::runner::Runners;
use crate::jobs::{adoption, joining, mailboxes, remembering, retention, webhooks, windows};
use crate::llm::endpoint::Provider;
use crate::net::{self, Client, NetError, Trust};
use crate::socket;
use crate::store::{Store, StoreError};
use crate::telemetry::clock::Clock;
use crate::usecases::accounts::SignUp;
use crate::usecases::{self, Switchboard};

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
    /// There is no way out.
    #[error("the HTTP client cannot start: {0}")]
    Net(#[from] NetError),
    /// The address cannot be listened on.
    #[error("{address} cannot be listened on: {source}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Redis cannot be used.
    #[error("{0}")]
    Cache(String),
    /// The demo could not be set up.
    #[error("the demo cannot be set up: {0}")]
    Demo(String),
    /// The process cannot be told to stop, or the server failed.
    #[error("{0}")]
    System(#[from] std::io::Error),
}

/// Starts everything, runs until told to stop, and drains.
///
/// # Errors
/// See [`BootError`].
pub async fn serve(settings: Settings, mode: Mode) -> Result<(), BootError> {
    let unset = || SettingsError(settings.check(crate::config::Mode::Serve));
    let (key, sealer) = settings.master_key().zip(settings.sealer()).ok_or_else(unset)?;
    net::install_crypto();
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder().ok();
    let store_options = settings.store();
    let (store, feed) = Store::open(&store_options, sealer, Clock::default()).await?;
    let hub = Hub::default();
    let client = Client::new(settings.net(), Trust::Operator)?;
    let conversations = Conversations::start(&store, &hub, &conversations_options(&settings));
    let sharing = follow_events(&store, &hub, &conversations);
    let agents = Agents::start(&store, &client, agents_options(&settings)?, conversations.arbiters().next());
    let options = product_options(&settings, &key, mode);
    let switchboard = Switchboard::new(store.clone(), conversations, agents, hub.clone(), options);
    let doors = Doors {
        switchboard: switchboard.clone(),
        client: client.clone(),
        options: Arc::new(door_options(&settings)),
        widget: assets::assets(),
        limits: Limits::new(&settings.cache()).map_err(BootError::Cache)?,
        metrics,
    };
    let runners = Runners::start(&switchboard, feed, &settings.net());
    // What an earlier life left behind takes its place in the lanes before anything new can come.
    adoption::begin(&switchboard, &runners, store_options.lease_ms).await;
    let (server, address) = listen(&settings, doors)?;
    let handle = server.handle();
    let serving = actix_web::rt::spawn(server);
    keep_house(&switchboard);
    let inboxes = mailboxes::keep(switchboard.clone(), client.clone(), store_options.lease_ms);
    let inboxes = actix_web::rt::spawn(inboxes);
    let stopping = CancellationToken::new();
    let (outside, here, elsewhere) =
        (client.trusting(Trust::Outside).clone(), store.listen(), store.listen_elsewhere());
    let telling = webhooks::keep(switchboard.clone(), outside, here, elsewhere, stopping.clone());
    let telling = actix_web::rt::spawn(telling);
    actix_web::rt::spawn(adoption::keep(switchboard, runners.clone(), store_options.lease_ms));
    let demo = match mode {
        Mode::Dev => Some(dev::set_up(&settings, &store, address).await?),
        Mode::Serve => None,
    };
    announce(address, demo.as_ref());
    let watched = hub.clone();
    let following = actix_web::rt::spawn(store.clone().follow_other_nodes(move || watched.is_any_watched()));
    let served = tokio::select! {
        stopped = stop_signal() => stopped,
        ended = serving => ended.map_err(std::io::Error::other).flatten(),
    };
    sharing.abort();
    // Its connection wants to be closed while the runtime still runs.
    following.abort();
    let _ = tokio::join!(sharing, following);
    served?;
    inboxes.abort();
    stopping.cancel();
    let deadline = settings.shutdown.deadline.std();
    let told = tokio::time::timeout(deadline, async { tokio::join!(telling, hub.leave(&store)) });
    let (_, ()) = tokio::join!(told, drain(&settings, &handle, &runners, &store, demo));
    Ok(())
}

/// Starts what goes on beside all requests, as long as the process lives.
fn keep_house(switchboard: &Switchboard) {
    actix_web::rt::spawn(joining::keep(switchboard.clone(), switchboard.store.listen()));
    actix_web::rt::spawn(remembering::keep(switchboard.clone()));
    actix_web::rt::spawn(retention::keep(switchboard.clone()));
    actix_web::rt::spawn(windows::keep(switchboard.clone()));
}

/// Brings what is committed, here and at other nodes, to whoever watches it here, and shares with those who is here. Gives
/// the latter.
fn follow_events(store: &Store, hub: &Hub, conversations: &Conversations) -> JoinHandle<()> {
    actix_web::rt::spawn(hub.clone().follow(store.listen()));
    actix_web::rt::spawn(hub.clone().follow(store.listen_elsewhere()));
    actix_web::rt::spawn(conversations.clone().follow(store.listen_elsewhere()));
    actix_web::rt::spawn(hub.clone().share(store.clone()))
}

fn conversations_options(settings: &Settings) -> supervisor::Options {
    supervisor::Options {
        shards: settings.shards,
        idle_after: settings.conversations.idle_after.std(),
        ..supervisor::Options::default()
    }
}

fn agents_options(settings: &Settings) -> Result<agents::Options, BootError> {
    let problem = |problem| SettingsError(vec![problem]);
    let models = &settings.models;
    let hosted = [
        (Provider::OpenAi, &models.openai_key),
        (Provider::Anthropic, &models.anthropic_key),
        (Provider::Gemini, &models.gemini_key),
    ];
    let hosts = [
        (Provider::OpenAi, &models.openai_url),
        (Provider::Anthropic, &models.anthropic_url),
        (Provider::Gemini, &models.gemini_url),
    ];
    Ok(agents::Options {
        hosted: hosted.into_iter().filter_map(|(provider, key)| Some((provider, key.clone()?))).collect(),
        addresses: hosts.into_iter().filter_map(|(provider, url)| Some((provider, url.clone()?))).collect(),
        plans: Arc::new(settings.plans().map_err(problem)?),
        prices: settings.prices().map_err(problem)?,
        embedder: settings.embedder(),
    })
}

fn product_options(settings: &Settings, key: &[u8; 32], mode: Mode) -> usecases::Options {
    usecases::Options {
        files: settings.files_dir(),
        reader: std::env::current_exe().unwrap_or_else(|_| "switchboard".into()),
        quiet_period: settings.conversations.quiet_period.std(),
        receipt_wait: settings.sending.receipt_wait.std(),
        history: i64::try_from(settings.conversations.history).unwrap_or(20),
        largest_file: settings.media.max_bytes,
        token_key: derived(key, b"visitor tokens"),
        public_url: Some(settings.public_url()),
        plans: Arc::new(settings.plans().unwrap_or_default()),
        settle: settings.privacy.settle.std(),
        weather_url: settings.assistant.weather_url.clone(),
        callback_url: (mode == Mode::Dev || settings.public_url.is_some()).then(|| settings.public_url()),
        access_key: derived(key, b"access tokens"),
        previous_access_key: settings.previous_master_key().map(|key| derived(&key, b"access tokens")),
        sign_up: match (settings.security.sign_up, mode) {
            (Some(config::SignUp::Open), _) | (None, Mode::Dev) => SignUp::Open,
            (Some(config::SignUp::Invited), _) | (None, Mode::Serve) => SignUp::Invited,
            (Some(config::SignUp::Closed), _) => SignUp::Closed,
        },
        shows_codes: mode == Mode::Dev,
        previous_token_key: settings.previous_master_key().map(|key| derived(&key, b"visitor tokens")),
        ..usecases::Options::default()
    }
}

fn door_options(settings: &Settings) -> api::Options {
    api::Options {
        callback_bytes: settings.limits.body_bytes,
        public_url: settings.public_url.as_ref().map(|_| settings.public_url()),
        trusted_proxies: settings.trusted_proxies().unwrap_or_default(),
        requests_per_address: Some(settings.limits.requests_per_address).filter(|limit| *limit > 0),
        uncounted: settings.uncounted_addresses().unwrap_or_default(),
        secure_cookies: settings.public_url().starts_with("https://"),
        body_timeout: settings.limits.request_timeout.std(),
        ..api::Options::default()
    }
}

/// A key for one purpose, from the master key.
fn derived(key: &[u8; 32], purpose: &[u8]) -> [u8; 32] {
    let mut derived = [0; 32];
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) {
        mac.update(purpose);
        derived.copy_from_slice(&mac.finalize().into_bytes());
    }
    derived
}

fn listen(settings: &Settings, doors: Doors) -> Result<(actix_web::dev::Server, std::net::SocketAddr), BootError> {
    let refused = |source| BootError::Listen { address: settings.listen, source };
    let line = socket::State {
        switchboard: doors.switchboard.clone(),
        client: doors.client.clone(),
        options: socket::Options::default(),
    };
    let mut server = HttpServer::new(move || {
        App::new()
            .wrap(from_fn(limiting::attach))
            .wrap(from_fn(request_id::attach))
            .configure(|services| socket::configure(&line, services))
            .configure(|services| api::configure(&doors, services))
    })
    .client_request_timeout(settings.limits.request_timeout.std())
    .max_connections(settings.limits.connections)
    .backlog(2_048)
    .shutdown_timeout(settings.shutdown.deadline.std().as_secs().max(1))
    .disable_signals();
    if settings.workers > 0 {
        server = server.workers(settings.workers);
    }
    let server = server.bind(settings.listen).map_err(refused)?;
    let address = server.addrs().first().copied().unwrap_or(settings.listen);
    Ok((server.run(), address))
}

/// Waits for SIGTERM or SIGINT.
async fn stop_signal() -> Result<(), std::io::Error> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

/// Stops accepting, finishes what is in hand within the deadline, and leaves the rest to the durable jobs.
async fn drain(settings: &Settings, handle: &ServerHandle, runners: &Runners, store: &Store, demo: Option<dev::Demo>) {
    tracing::info!("draining");
    let deadline = settings.shutdown.deadline.std();
    let (_, ()) = tokio::join!(tokio::time::timeout(deadline, handle.stop(true)), runners.drain(deadline));
    if let Some(demo) = demo {
        demo.stop().await;
    }
    if let Err(error) = store.release_lease().await {
        tracing::warn!(%error, "the lease could not be given back; it runs out by itself");
    }
    tracing::info!("drained");
}

/// Says on standard output where everything is: for people, then one line for programs.
fn announce(address: std::net::SocketAddr, demo: Option<&dev::Demo>) {
    let mut out = std::io::stdout().lock();
    let gateway = format!("http://{address}");
    let mut ready = serde_json::json!({ "gateway": gateway });
    if let Some(demo) = demo {
        let _ = writeln!(out, "\n{}\n", demo.describe(&gateway));
        if let Some(members) = ready.as_object_mut() {
            members.extend(demo.facts(&gateway));
        }
    }
    // Where nobody reads, the server runs all the same.
    let _ = writeln!(out, "SWITCHBOARD READY {ready}");
    let _ = out.flush();
    tracing::info!(%address, "listening");
}
