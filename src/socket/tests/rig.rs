//! A gateway of the product's real parts on loopback: store, actors, agents and this door. The room of the jobs is a
//! neighbour, so the turns are run here as they come.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer};
use serde_json::json;
use switchboard_channels::Kind;
use switchboard_channels::contract::content::Content;

use super::super::{Options, State, configure};
use crate::actors::agents::Agents;
use crate::actors::hub::Hub;
use crate::actors::supervisor::{self, Conversations};
use crate::domain::agents::{Agent, AgentSettings};
use crate::domain::channels::{Channel, ChannelState, Origin};
use crate::domain::jobs::{Verdict, Work};
use crate::domain::messages::{Direction, Message};
use crate::domain::workspaces::Workspace;
use crate::net::{self, Trust};
use crate::store::agents::StoredAgent;
use crate::store::seal::Sealer;
use crate::store::{self, JobFeed, Store};
use crate::telemetry::clock::Clock;
use crate::usecases::visiting::Visit;
use crate::usecases::{self, Switchboard};

pub(super) struct Rig {
    pub(super) switchboard: Switchboard,
    pub(super) address: SocketAddr,
    pub(super) workspace_id: String,
    pub(super) agent_id: String,
    channel_id: String,
    server: ServerHandle,
    _folder: Arc<tempfile::TempDir>,
}

impl Drop for Rig {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}

impl Rig {
    pub(super) async fn start(options: Options) -> Self {
        Self::start_with(options, true).await
    }

    /// A gateway whose watchers are told nothing of what is committed.
    pub(super) async fn start_deaf(options: Options) -> Self {
        Self::start_with(options, false).await
    }

    async fn start_with(options: Options, hears: bool) -> Self {
        net::install_crypto();
        let folder = tempfile::tempdir().unwrap();
        let database = store::Options {
            url: format!("sqlite:{}", folder.path().join("test.db").display()),
            ..store::Options::default()
        };
        let (store, feed) = Store::open(&database, Sealer::new(&[7; 32]), Clock::default()).await.unwrap();
        let hub = Hub::default();
        if hears {
            actix_web::rt::spawn(hub.clone().follow(store.listen()));
        }
        let living = supervisor::Options { shards: 1, ..supervisor::Options::default() };
        let conversations = Conversations::start(&store, &hub, &living);
        let client = net::Client::new(net::Options::default(), Trust::Operator).unwrap();
        let agents = Agents::start(&store, &client, Default::default(), None);
        let product = usecases::Options {
            files: folder.path().join("files"),
            quiet_period: Duration::ZERO,
            token_key: [3; 32],
            ..usecases::Options::default()
        };
        let switchboard = Switchboard::new(store, conversations, agents, hub, product);
        actix_web::rt::spawn(answer(switchboard.clone(), feed, client.clone()));
        let state = State { switchboard: switchboard.clone(), client: client.clone(), options };
        let server = HttpServer::new(move || App::new().configure(|services| configure(&state, services)))
            .workers(1)
            .disable_signals()
            .bind(("127.0.0.1", 0))
            .unwrap();
        let address = server.addrs()[0];
        let server = server.run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        let (workspace_id, agent_id) = furnish(&switchboard.store).await;
        let mut rig = Self {
            switchboard,
            address,
            workspace_id,
            agent_id,
            channel_id: String::new(),
            server: handle,
            _folder: Arc::new(folder),
        };
        rig.channel_id = rig.widget(&[]).await;
        rig
    }

    /// Makes a widget that may be used from these origins. Gives its id.
    pub(super) async fn widget(&self, origins: &[&str]) -> String {
        let id = self.switchboard.store.clock().id();
        let channel = Channel {
            name: format!("widget {id}"),
            id: id.clone(),
            workspace_id: self.workspace_id.clone(),
            kind: Kind::Widget,
            agent_id: Some(self.agent_id.clone()),
            account: None,
            business: None,
            state: ChannelState::Active,
            state_reason: None,
            origin: Origin::Operator,
            settings: json!({"allowed_origins": origins}),
        };
        self.switchboard.store.put_channel(&channel).await.unwrap();
        id
    }

    pub(super) async fn visit(&self) -> Visit {
        self.switchboard.open_visit(&self.channel_id, None, None).await.unwrap()
    }

    pub(super) async fn says(&self, visit: &Visit, client_id: &str, text: &str) {
        self.switchboard.visitor_says(&visit.visitor, client_id, Content::text(text), None).await.unwrap();
    }

    pub(super) async fn messages(&self, visit: &Visit) -> Vec<Message> {
        let id = self.switchboard.conversation_to_visit(&visit.visitor).await.unwrap();
        self.switchboard.store.messages(&self.workspace_id, &id, Some(0), 10_000).await.unwrap()
    }

    /// What the visitor wrote, in the order of the store.
    pub(super) async fn own_texts(&self, visit: &Visit) -> Vec<String> {
        let messages = self.messages(visit).await;
        messages.into_iter().filter(|message| message.direction == Direction::Inbound).map(|own| own.body).collect()
    }

    /// Waits until the agent has answered everything. Gives the last sequence number.
    pub(super) async fn settle(&self, visit: &Visit) -> i64 {
        let waiting = async {
            let id = self.switchboard.conversation_to_visit(&visit.visitor).await.unwrap();
            let mut watching = self.switchboard.hub.watch(&id);
            loop {
                let messages = self.messages(visit).await;
                if let Some(last) = messages.last()
                    && last.direction == Direction::Outbound
                {
                    return last.seq;
                }
                watching.recv().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("the agent answers")
    }
}

/// Runs the turns that are due. A widget's messages have no other jobs.
async fn answer(switchboard: Switchboard, mut feed: JobFeed, client: net::Client) {
    while let Some(job) = feed.recv().await {
        let (switchboard, client) = (switchboard.clone(), client.clone());
        actix_web::rt::spawn(async move {
            let Work::Answer { conversation_id } = &job.work else { return };
            while let Verdict::Retry { .. } = switchboard.answer(&job, conversation_id, &client).await {
                tokio::task::yield_now().await;
            }
        });
    }
}

async fn furnish(store: &Store) -> (String, String) {
    let (workspace_id, agent_id) = (store.clock().id(), store.clock().id());
    let workspace = Workspace {
        id: workspace_id.clone(),
        name: "Acme".into(),
        plan: "free".into(),
        created_at: store.clock().now(),
    };
    store.put_workspace(&workspace).await.unwrap();
    let agent = Agent {
        id: agent_id.clone(),
        workspace_id: workspace_id.clone(),
        name: "Echo".into(),
        model: "builtin/echo".into(),
        instructions: String::new(),
        settings: AgentSettings::default(),
        is_active: true,
        created_at: store.clock().now(),
    };
    store.put_agent(&StoredAgent { agent, api_key: None }).await.unwrap();
    (workspace_id, agent_id)
}
