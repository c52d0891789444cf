//! A stage for the real binary: a vendor that plays its side, a database of its own, and everything that was written.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use switchboard::store::seal::Sealer;
use switchboard::store::{Options as StoreOptions, Store};
use switchboard::telemetry::clock::Clock;
use switchboard_channels::Kind;
use switchboard_simulator::{Running, start};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::databases::on_server;
use super::line::Line;
use super::process::{Launch, PATIENCE, Process};

/// The vendor's id of the number.
pub const NUMBER: &str = "106540352242922";
/// The secret that signs deliveries.
pub const APP_SECRET: &str = "switchboard-test-app-secret";
/// The key of the API.
pub const API_KEY: &str = "sb_tests_0123456789abcdef0123456789abcdef";
/// The key of the installation: one that cannot be guessed, as the gateway demands.
const MASTER_KEY: &str = "6f0c2a9be1d84b37a5f3c2d19e8b7064d3a1f9c85e2b4760918fadc35b72e04d";
/// How long an uncertain send waits: longer than the vendor takes to come again with a receipt.
const RECEIPT_WAIT: &str = "5s";

/// Stages that may be up at once; each is a gateway under load, and machines are small.
static ROOM: Semaphore = Semaphore::const_new(3);
static PORTS: AtomicU16 = AtomicU16::new(0);
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// Which database a stage has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    /// A file.
    Sqlite,
    /// The server that the environment names.
    Postgres,
}

/// Runs a test that starts processes.
pub fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(test);
}

/// Makes two tests of each promise about the real binary, `name::sqlite` and `name::postgres`.
macro_rules! with_both_databases {
    ($($(#[$note:meta])* async fn $name:ident($database:ident) $body:block)+) => {
        $(
            $(#[$note])*
            mod $name {
                #[allow(unused_imports, reason = "what a promise needs differs")]
                use super::*;

                async fn promise($database: $crate::support::stage::Database) $body

                #[test]
                fn sqlite() {
                    $crate::support::stage::run(promise($crate::support::stage::Database::Sqlite));
                }

                #[test]
                fn postgres() {
                    $crate::support::stage::run(promise($crate::support::stage::Database::Postgres));
                }
            }
        )+
    };
}
pub(crate) use with_both_databases;

/// What a customer wrote.
#[derive(Debug, Clone)]
pub struct Written {
    /// The customer's number.
    pub from: String,
    /// The vendor's id of the message.
    pub id: String,
}

/// How a stage is set.
pub struct Setting {
    /// Where the vendor finds the gateway.
    pub callback_url: String,
    /// Webhooks of the vendor that may be under way at once.
    pub parallel: usize,
    /// Further lines of the agent.
    pub agent: String,
    /// Further parts of the workspace.
    pub channels: String,
    /// Further settings of the gateway.
    pub environment: Vec<(String, String)>,
    /// Where the gateway finds its database, when not at the database itself.
    pub door_to_database: Option<u16>,
}

/// A vendor, a database and a folder for one gateway, which comes and goes.
pub struct Stage {
    /// The line of its channel.
    pub line: Line,
    /// The vendor.
    pub simulator: Running,
    /// A client for everything.
    pub http: reqwest::Client,
    /// Where the gateway listens.
    pub port: u16,
    /// How the gateway is started.
    pub launch: Launch,
    /// What was written, in order.
    pub written: Mutex<Vec<Written>>,
    /// The database as the tests see it.
    pub database: String,
    folder: tempfile::TempDir,
    _room: SemaphorePermit<'static>,
}

impl Stage {
    /// Sets a stage with the usual agent, which repeats what it hears.
    pub async fn new(database: Database) -> Self {
        Self::with(database, |_| {}).await
    }

    /// Sets a stage.
    pub async fn with(database: Database, change: impl FnOnce(&mut Setting)) -> Self {
        Self::of(Line::Whatsapp, database, change).await
    }

    /// Sets a stage with a channel of this line.
    pub async fn of(line: Line, database: Database, change: impl FnOnce(&mut Setting)) -> Self {
        let room = ROOM.acquire().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let mut setting = Setting {
            callback_url: format!("http://127.0.0.1:{port}/api/webhooks/{}", line.kind().as_str()),
            // Mails of one person follow each other, so that the later ones find the thread of the first.
            parallel: if line.has_threads() { 1 } else { 4 },
            agent: "model = \"builtin/echo\"".to_owned(),
            channels: String::new(),
            environment: Vec::new(),
            door_to_database: None,
        };
        change(&mut setting);
        if line.kind() == Kind::Twilio {
            // This vendor tells how far a message has come where each send says.
            let callback = url::Url::parse(&setting.callback_url).unwrap();
            let public = callback.origin().ascii_serialization();
            setting.environment.push(("SWITCHBOARD__PUBLIC_URL".to_owned(), public));
        }
        let simulator = start(line.at_vendor(setting.callback_url, setting.parallel)).await.unwrap();
        let database = match database {
            Database::Sqlite => format!("sqlite:{}", folder.path().join("test.db").display()),
            Database::Postgres => fresh_postgres().await,
        };
        let mut seen = database.clone();
        if let Some(door) = setting.door_to_database {
            let mut url = url::Url::parse(&database).unwrap();
            url.set_host(Some("127.0.0.1")).unwrap();
            url.set_port(Some(door)).unwrap();
            seen = url.into();
        }
        #[expect(clippy::disallowed_methods, reason = "the test's own client")]
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let stage = Self {
            line,
            launch: launch(&folder, port, &seen, setting.environment),
            simulator,
            http,
            port,
            written: Mutex::default(),
            database,
            folder,
            _room: room,
        };
        stage.apply(&setting.agent, &setting.channels);
        stage
    }

    /// Declares the workspace.
    fn apply(&self, agent: &str, channels: &str) {
        let agent = agent.replace("{simulator}", &self.simulator.base_url());
        let (kind, settings) = (self.line.kind().as_str(), self.line.settings(&self.simulator));
        let declared = format!(
            "[[workspaces]]\nname = \"Acme\"\nplan = \"enterprise\"\n\
             [[workspaces.agents]]\nname = \"Echo\"\n{agent}\n\
             [[workspaces.channels]]\nname = \"main\"\nkind = \"{kind}\"\nagent = \"Echo\"\n{settings}{channels}\
             [[workspaces.api_keys]]\nname = \"ops\"\nkey = \"{API_KEY}\"\n"
        );
        let file = self.folder.path().join("workspaces.toml");
        std::fs::write(&file, declared).unwrap();
        let arguments = ["apply", &file.display().to_string()].map(str::to_owned);
        Launch { arguments: [self.common(), arguments.to_vec()].concat(), ..self.launch.clone() }.run();
    }

    /// How the gateway is started with another master key; with the stage's own beside it, if it is still needed.
    pub fn with_master_key(&self, key: &str, keep_own: bool) -> Launch {
        let mut launch = self.launch.clone();
        launch.environment.push(("SWITCHBOARD__SECURITY__MASTER_KEY".to_owned(), key.to_owned()));
        if keep_own {
            let previous = "SWITCHBOARD__SECURITY__PREVIOUS_MASTER_KEY";
            launch.environment.push((previous.to_owned(), MASTER_KEY.to_owned()));
        }
        launch
    }

    /// How another node on the same database is started, and where it listens.
    pub fn neighbour(&self) -> (Launch, u16) {
        let (mut launch, port) = (self.launch.clone(), free_port());
        for argument in &mut launch.arguments {
            *argument = argument.replace(&format!("127.0.0.1:{}", self.port), &format!("127.0.0.1:{port}"));
        }
        (launch, port)
    }

    /// Another command of the binary, with the settings of this launch.
    pub fn command(&self, launch: &Launch, arguments: &[&str]) -> Launch {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Launch { arguments: [self.common(), arguments].concat(), ..launch.clone() }
    }

    /// The arguments that every command gets.
    fn common(&self) -> Vec<String> {
        self.launch.arguments.iter().filter(|argument| *argument != "serve").cloned().collect()
    }

    /// Starts the gateway.
    pub async fn start(&self) -> Process {
        self.launch.start().await
    }

    /// Starts the gateway with these crash points armed; one of them may end it before it is ready.
    #[cfg(feature = "failpoints")]
    pub async fn start_armed(&self, points: &str) -> Process {
        let mut launch = self.launch.clone();
        launch.environment.push(("SWITCHBOARD_CRASH".to_owned(), points.to_owned()));
        launch.begin().await.0
    }

    /// An address of the gateway.
    pub fn gateway(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// An address of the vendor.
    pub fn vendor(&self, path: &str) -> String {
        format!("{}{path}", self.simulator.base_url())
    }

    /// Lets customers, named by their numbers, write: one message, or `{"messages": […]}` in one delivery.
    pub async fn write(&self, described: Value) -> Vec<String> {
        let single = [described.clone()];
        let messages = described["messages"].as_array().map_or(&single[..], Vec::as_slice);
        let writers: Vec<_> = messages.iter().map(|message| message["from"].as_str().unwrap().to_owned()).collect();
        let addressed = self.addressed(&described);
        let ids = self.writes(&addressed).await;
        let written = writers.into_iter().zip(&ids).map(|(from, id)| Written { from, id: id.clone() });
        self.written.lock().unwrap().extend(written);
        ids
    }

    /// The same with the addresses of the line in place of numbers. Who has written before goes on in the same thread.
    fn addressed(&self, described: &Value) -> Value {
        let mut addressed = described.clone();
        if let Some(messages) = described["messages"].as_array() {
            addressed["messages"] = messages.iter().map(|message| self.addressed(message)).collect();
        }
        if let Some(from) = described["from"].as_str() {
            addressed["from"] = self.line.address(from).into();
            let written = self.written.lock().unwrap();
            let first = written.iter().find(|one| one.from == from);
            if let (true, Some(first)) = (self.line.has_threads() && described["reply_to"].is_null(), first) {
                addressed["reply_to"] = first.id.clone().into();
            }
        }
        addressed
    }

    /// What is done at the vendor, as its control takes it and without a note in what was written.
    pub async fn writes(&self, described: &Value) -> Vec<String> {
        let address = format!("/sim/{}/{}/inbound", self.line.kind().as_str(), self.line.account());
        let answer = self.http.post(self.vendor(&address)).json(described).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        serde_json::from_value(answer["ids"].clone())
            .unwrap_or_else(|_| panic!("the vendor refuses {described}: {answer}"))
    }

    /// A text of a customer.
    pub async fn say(&self, from: &str, text: &str) -> String {
        self.write(json!({ "from": from, "text": text })).await.remove(0)
    }

    /// Changes the line's account at the vendor.
    pub async fn account(&self, change: Value) {
        let address = self.vendor(&format!("/sim/accounts/{}", self.line.account()));
        let answer = self.http.put(address).json(&change).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    /// A call of the gateway's API with the workspace's key.
    pub fn ask(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, self.gateway(path)).bearer_auth(API_KEY)
    }

    /// What the gateway's API shows there.
    pub async fn read(&self, path: &str) -> Value {
        let answer = self.ask(reqwest::Method::GET, path).send().await.unwrap();
        let (status, body) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// The conversations with a customer, as the API shows them; the newest first.
    pub async fn conversations_with(&self, number: &str) -> Vec<Value> {
        let conversations = self.read("/api/conversations?limit=100").await;
        let with = |conversation: &Value| conversation["contact"]["identities"].to_string().contains(number);
        conversations["items"].as_array().unwrap().iter().filter(|one| with(one)).cloned().collect()
    }

    /// The messages of the newest conversation with a customer, as the API shows them; none where there is none.
    pub async fn messages_with(&self, number: &str) -> Vec<Value> {
        let conversations = self.conversations_with(number).await;
        let Some(id) = conversations.first().and_then(|one| one["id"].as_str()) else { return Vec::new() };
        let messages = self.read(&format!("/api/conversations/{id}/messages?since=0&limit=200")).await;
        messages["messages"].as_array().unwrap().clone()
    }

    /// Sets what goes wrong at the vendor.
    pub async fn faults(&self, rules: Value) {
        let answer = self.http.put(self.vendor("/sim/faults")).json(&rules).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    /// Tells the model what to say.
    pub async fn replies(&self, replies: Value) {
        let answer = self.http.post(self.vendor("/sim/model/replies")).json(&replies).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }

    /// The vendor's books, once this is reached; or as they are when patience ends.
    pub async fn books(&self, until: &str) -> Value {
        let address =
            self.vendor(&format!("/sim/books/{}?wait_ms={}&{until}", self.line.account(), PATIENCE.as_millis()));
        self.http.get(address).send().await.unwrap().json().await.unwrap()
    }

    /// The number of a gauge or counter of the gateway, summed over its labels; those of `labels` only.
    pub async fn metric(&self, name: &str, labels: &str) -> f64 {
        let Ok(answer) = self.http.get(self.gateway("/metrics")).send().await else { return f64::NAN };
        let text = answer.text().await.unwrap_or_default();
        let of = |line: &&str| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])) && line.contains(labels)
        };
        text.lines().filter(of).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// The database, once no gateway uses it.
    pub async fn open(&self) -> Store {
        let options = StoreOptions {
            url: self.database.clone(),
            connections: 4,
            acquire_timeout: Duration::from_secs(30),
            ..StoreOptions::default()
        };
        let mut key = [0; 32];
        hex::decode_to_slice(MASTER_KEY, &mut key).unwrap();
        let (store, _jobs) = Store::open(&options, Sealer::new(&key), Clock::default()).await.unwrap();
        store
    }

    /// Takes the stage down.
    pub async fn end(self) {
        self.simulator.stop().await;
        if !self.database.starts_with("sqlite:") {
            let (server, name) = server_and_name(&self.database);
            on_server(&server, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
        }
    }
}

fn launch(folder: &tempfile::TempDir, port: u16, database: &str, more: Vec<(String, String)>) -> Launch {
    let arguments = ["serve", "--listen", &format!("127.0.0.1:{port}"), "--database", database];
    let settings = [
        ("SECURITY__MASTER_KEY", MASTER_KEY.to_owned()),
        ("DATA_DIR", folder.path().join("data").display().to_string()),
        ("SENDING__RECEIPT_WAIT", RECEIPT_WAIT.to_owned()),
        ("CONVERSATIONS__QUIET_PERIOD", "0".to_owned()),
        ("NETWORK__ALLOW_PRIVATE_ADDRESSES", "true".to_owned()),
        ("STORE__LEASE", "3s".to_owned()),
        ("WORKERS", "2".to_owned()),
    ];
    let named = settings.map(|(name, value)| (format!("SWITCHBOARD__{name}"), value));
    Launch {
        arguments: arguments.map(str::to_owned).to_vec(),
        environment: named.into_iter().chain(more).collect(),
        folder: folder.path().to_owned(),
        survives_full_files: false,
    }
}

/// A port below those that the system hands out, so that it is still free when the gateway comes back to it.
pub fn free_port() -> u16 {
    let first = u16::try_from(std::process::id() % 80).unwrap() * 100;
    loop {
        let port = 12_000 + (first + PORTS.fetch_add(1, Ordering::Relaxed)) % 8_000;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the test command hands its servers over in the environment")]
fn postgres() -> String {
    std::env::var("SWITCHBOARD_TEST_POSTGRES")
        .expect("there is no PostgreSQL to test on: run ./check, or set SWITCHBOARD_TEST_POSTGRES")
}

/// Host and port of the server that the environment names.
pub fn postgres_address() -> String {
    let url = url::Url::parse(&postgres()).expect("SWITCHBOARD_TEST_POSTGRES must be a URL");
    format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5_432))
}

async fn fresh_postgres() -> String {
    let server = postgres();
    let name = format!("sb_stage_{}_{}", std::process::id(), DATABASES.fetch_add(1, Ordering::Relaxed));
    on_server(&server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
    on_server(&server, &format!("CREATE DATABASE {name}")).await;
    let mut url = url::Url::parse(&server).expect("SWITCHBOARD_TEST_POSTGRES must be a URL");
    url.set_path(&name);
    url.into()
}

fn server_and_name(database: &str) -> (String, String) {
    let mut url = url::Url::parse(database).unwrap();
    let name = url.path().trim_start_matches('/').to_owned();
    url.set_path("postgres");
    (url.into(), name)
}
