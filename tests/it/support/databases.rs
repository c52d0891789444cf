//! A fresh database for every test, on both kinds of server, and the macro that makes one test for each.

use std::ops::Deref;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use switchboard::domain::agents::{Agent, AgentSettings};
use switchboard::domain::channels::{Channel, ChannelState, Origin};
use switchboard::domain::jobs::Job;
use switchboard::domain::workspaces::Workspace;
use switchboard::store::agents::StoredAgent;
use switchboard::store::seal::Sealer;
use switchboard::store::{JobFeed, Options, Store, StoreError};
use switchboard::telemetry::clock::Clock;
use switchboard_channels::Kind;

/// Makes two tests of each promise, `name::sqlite` and `name::postgres`, each with a database of its own.
macro_rules! on_both_databases {
    ($($(#[$note:meta])* async fn $name:ident($store:ident: TestStore) $body:block)+) => {
        $(
            $(#[$note])*
            mod $name {
                #[allow(unused_imports, reason = "what a promise needs differs")]
                use super::*;

                async fn promise($store: $crate::support::databases::TestStore) $body

                #[test]
                fn sqlite() {
                    $crate::support::databases::on_sqlite(promise);
                }

                #[test]
                fn postgres() {
                    $crate::support::databases::on_postgres(promise);
                }
            }
        )+
    };
}
pub(crate) use on_both_databases;

/// The key under which the tests' stores seal secrets.
pub const MASTER_KEY: [u8; 32] = [7; 32];
/// How long the tests' nodes hold their leases, in milliseconds.
pub const LEASE_MS: i64 = 60_000;

static DATABASES: AtomicU32 = AtomicU32::new(0);

/// Runs a promise on a fresh `SQLite` file.
pub fn on_sqlite<F: Future<Output = ()>>(promise: impl FnOnce(TestStore) -> F) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("test.db").display());
    runtime().block_on(async { promise(TestStore::open(url).await).await });
}

/// Runs a promise on a fresh database of the `PostgreSQL` server that the environment names.
pub fn on_postgres<F: Future<Output = ()>>(promise: impl FnOnce(TestStore) -> F) {
    #[expect(clippy::disallowed_methods, reason = "the test command hands its servers over in the environment")]
    let server = std::env::var("SWITCHBOARD_TEST_POSTGRES")
        .expect("there is no PostgreSQL to test on: run ./check, or set SWITCHBOARD_TEST_POSTGRES");
    let name = format!("sb_{}_{}", std::process::id(), DATABASES.fetch_add(1, Ordering::Relaxed));
    let mut url = url::Url::parse(&server).expect("SWITCHBOARD_TEST_POSTGRES must be a URL");
    url.set_path(&name);
    runtime().block_on(async {
        on_server(&server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
        on_server(&server, &format!("CREATE DATABASE {name}")).await;
        promise(TestStore::open(url.into()).await).await;
        on_server(&server, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
    });
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Runs a statement on a server, over a connection of its own.
pub async fn on_server(server: &str, sql: &str) {
    let mut connection = PgConnection::connect(server).await.expect("SWITCHBOARD_TEST_POSTGRES does not answer");
    sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// A store with the jobs that it feeds.
pub struct Node {
    store: Store,
    feed: Mutex<JobFeed>,
}

impl Deref for Node {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl Node {
    async fn open(url: &str, sealer: Sealer) -> Result<Self, StoreError> {
        let options = Options {
            url: url.to_owned(),
            connections: 4,
            lease_ms: LEASE_MS,
            acquire_timeout: Duration::from_secs(30),
            ..Options::default()
        };
        let (store, feed) = Store::open(&options, sealer, Clock::default()).await?;
        Ok(Self { store, feed: Mutex::new(feed) })
    }

    /// The jobs fed since the last look.
    pub fn fed(&self) -> Vec<Job> {
        let mut feed = self.feed.lock().unwrap();
        std::iter::from_fn(|| feed.try_recv().ok()).collect()
    }

    /// A new id.
    pub fn id(&self) -> String {
        self.clock().id()
    }
}

/// A node on a database of its own, with a workspace that has an agent and a channel.
pub struct TestStore {
    node: Node,
    url: String,
    /// The workspace.
    pub workspace: Workspace,
    /// Its agent.
    pub agent: Agent,
    /// Its channel, which the agent answers.
    pub channel: Channel,
}

impl Deref for TestStore {
    type Target = Node;

    fn deref(&self) -> &Node {
        &self.node
    }
}

impl TestStore {
    async fn open(url: String) -> Self {
        let node = Node::open(&url, Sealer::new(&MASTER_KEY)).await.unwrap();
        let workspace = workspace(&node, "acme").await;
        let agent = agent(&node, &workspace, "ada").await;
        let channel = channel(&node, &workspace, Some(&agent), "100").await;
        Self { node, url, workspace, agent, channel }
    }

    /// Where the database is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Another node on the same database: on `SQLite` this is what a restart looks like.
    pub async fn reopen(&self) -> Node {
        self.reopen_with_key(&MASTER_KEY).await
    }

    /// The same with another master key.
    pub async fn reopen_with_key(&self, key: &[u8; 32]) -> Node {
        self.reopen_with(Sealer::new(key)).await
    }

    /// The same with another way to seal secrets.
    pub async fn reopen_with(&self, sealer: Sealer) -> Node {
        Node::open(&self.url, sealer).await.unwrap()
    }

    /// Ends every connection of the server to this database but the one that asks; `false` where there is no server.
    pub async fn cut_connections(&self) -> bool {
        if !self.is_shared() {
            return false;
        }
        on_server(
            &self.url,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await;
        true
    }
}

/// Adds a workspace.
pub async fn workspace(store: &Store, name: &str) -> Workspace {
    let clock = store.clock();
    let workspace =
        Workspace { id: clock.id(), name: name.to_owned(), plan: "free".to_owned(), created_at: clock.now() };
    store.put_workspace(&workspace).await.unwrap();
    workspace
}

/// Adds an agent.
pub async fn agent(store: &Store, workspace: &Workspace, name: &str) -> Agent {
    let agent = Agent {
        id: store.clock().id(),
        workspace_id: workspace.id.clone(),
        name: name.to_owned(),
        model: "builtin/echo".to_owned(),
        instructions: "Be kind.".to_owned(),
        settings: AgentSettings::default(),
        is_active: true,
        created_at: store.clock().now(),
    };
    let key = switchboard_channels::contract::credentials::Secret::new("sk-model".to_owned());
    store.put_agent(&StoredAgent { agent: agent.clone(), api_key: Some(key) }).await.unwrap();
    agent
}

/// Adds a channel whose account the vendor knows by this id.
pub async fn channel(store: &Store, workspace: &Workspace, agent: Option<&Agent>, account: &str) -> Channel {
    let channel = Channel {
        id: store.clock().id(),
        workspace_id: workspace.id.clone(),
        kind: Kind::Whatsapp,
        name: format!("phone {account}"),
        agent_id: agent.map(|agent| agent.id.clone()),
        account: Some(account.to_owned()),
        business: Some("business".to_owned()),
        state: ChannelState::Active,
        state_reason: None,
        origin: Origin::Operator,
        settings: json!({ "token": "EAAG-secret", "nested": { "n": 1 } }),
    };
    store.put_channel(&channel).await.unwrap();
    channel
}
