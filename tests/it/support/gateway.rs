//! A whole gateway in this process: real server, real database, the simulator as its vendor, and two workspaces.

use std::sync::Arc;
use std::time::Duration;

use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use switchboard::actors::agents::{self, Agents};
use switchboard::actors::hub::Hub;
use switchboard::actors::supervisor::{Conversations, Options as ActorOptions};
use switchboard::api::platform::widget::{Assets, Hosted, Script};
use switchboard::api::{self, Doors, limiting, request_id};
use switchboard::cache::{self, limits::Limits};
use switchboard::config::Settings;
use switchboard::domain::agents::{Agent, AgentSettings};
use switchboard::domain::api_keys;
use switchboard::domain::channels::{Channel, ChannelState, Origin};
use switchboard::domain::jobs::{Embeddable, Job, Verdict, Work};
use switchboard::domain::members::Role;
use switchboard::domain::plans::{Plan, Plans};
use switchboard::domain::prices::{Price, Prices};
use switchboard::domain::principals::{Permission, Permissions};
use switchboard::domain::users::User;
use switchboard::domain::workspaces::Workspace;
use switchboard::jobs::runner::Runners;
use switchboard::jobs::{adoption, joining, webhooks, windows};
use switchboard::llm::embeddings::Embedder;
use switchboard::llm::endpoint::Provider;
use switchboard::net::{self, Client, Trust};
use switchboard::store::agents::StoredAgent;
use switchboard::store::api_keys::NewApiKey;
use switchboard::store::seal::Sealer;
use switchboard::store::sessions::NewSession;
use switchboard::store::users::StoredUser;
use switchboard::store::{self, LiveEvent, Store};
use switchboard::telemetry::clock::Clock;
use switchboard::usecases::accounts::SignUp;
use switchboard::usecases::{Options, Switchboard};
use switchboard::widget;
use switchboard_channels::Kind;
use switchboard_channels::contract::credentials::Secret;
use switchboard_simulator::{Account, Customer, Running, TwilioAccount, WindowRule};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

/// Longest time that anything here may take.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// With what the widgets' site signs its users.
pub const SITE_SECRET: &str = "a secret of the shop";

/// A workspace with what stands in it.
pub struct Tenant {
    pub workspace: Workspace,
    pub key: String,
    pub agent_key: String,
    pub agent: Agent,
    pub other_agent: Agent,
    pub widget: Channel,
    /// Its owner, and the token of their session.
    pub owner: User,
    pub session: String,
}

/// A running gateway.
pub struct Gateway {
    pub url: String,
    pub switchboard: Switchboard,
    pub simulator: Running,
    pub account: Account,
    pub twilio: TwilioAccount,
    pub whatsapp: Channel,
    pub acme: Tenant,
    pub rival: Tenant,
    http: reqwest::Client,
    folder: tempfile::TempDir,
}

/// Committed events from a moment on.
pub struct Watch(broadcast::Receiver<Arc<[LiveEvent]>>);

/// The usual plans; `own`, which leaves its workspaces to their own accounts; `tiny` and `frugal`, whose messages and
/// tokens are used up soon; `rated` and `narrow`, which only limit the requests of a minute and at once.
fn plans() -> Arc<Plans> {
    let usual = Settings::default().plans().unwrap();
    let own = Plan { own_key_only: true, ..Plan::unlimited("own") };
    let tiny = Plan { messages_per_month: Some(4), ..Plan::unlimited("tiny") };
    let frugal = Plan { tokens_per_month: Some(100), ..Plan::unlimited("frugal") };
    let rated = Plan { requests_per_minute: Some(60), ..Plan::unlimited("rated") };
    let narrow = Plan { concurrency: Some(2), ..Plan::unlimited("narrow") };
    let all = usual.names().filter_map(|name| usual.get(name)).cloned().chain([own, tiny, frugal, rated, narrow]);
    Arc::new(Plans::new(all.collect()).unwrap())
}

/// An installation with an account of its own, which is served there.
fn models(simulator: &Running) -> agents::Options {
    let price = Price { model: "*".to_owned(), input: 2.0, output: 10.0, currency: "USD".to_owned() };
    agents::Options {
        hosted: [(Provider::OpenAi, Secret::new("sk-hosted"))].into(),
        addresses: [(Provider::OpenAi, simulator.base_url())].into(),
        plans: plans(),
        prices: Prices::new(vec![price]).unwrap(),
        embedder: None,
    }
}

/// Runs a scenario against a fresh gateway.
pub fn scenario<F: Future<Output = ()>>(play: impl FnOnce(Gateway) -> F) {
    scenario_with(async || (open(), ()), |gateway, ()| play(gateway));
}

/// The same with requests counted there, and with a minute to do it in.
pub fn scenario_counting<F: Future<Output = ()>>(cache: &cache::Options, play: impl FnOnce(Gateway) -> F) {
    run(async || (open(), ()), cache, PATIENCE * 6, |gateway, ()| play(gateway));
}

/// The same with so many times the patience.
pub fn scenario_of<F: Future<Output = ()>>(times: u32, play: impl FnOnce(Gateway) -> F) {
    run(async || (open(), ()), &cache::Options::default(), PATIENCE * 3 * times, |gateway, ()| play(gateway));
}

/// The same with a gateway that keeps callers of the API out of private networks, as an operator runs it.
pub fn guarded_scenario<F: Future<Output = ()>>(play: impl FnOnce(Gateway) -> F) {
    scenario_with(async || (net::Options::default(), ()), |gateway, ()| play(gateway));
}

/// The same with something that is there before the gateway, and by which its way out is set.
pub fn scenario_with<T, F: Future<Output = ()>>(
    prepare: impl AsyncFnOnce() -> (net::Options, T),
    play: impl FnOnce(Gateway, T) -> F,
) {
    run(prepare, &cache::Options::default(), PATIENCE * 3, play);
}

fn open() -> net::Options {
    net::Options { allow_private_addresses: true, ..net::Options::default() }
}

fn run<T, F: Future<Output = ()>>(
    prepare: impl AsyncFnOnce() -> (net::Options, T),
    cache: &cache::Options,
    patience: Duration,
    play: impl FnOnce(Gateway, T) -> F,
) {
    actix_web::rt::System::new().block_on(async {
        let play = async {
            let (net, prepared) = prepare().await;
            play(Gateway::start(net, cache).await, prepared).await;
        };
        tokio::time::timeout(patience, play).await.expect("the scenario takes too long");
    });
}

impl Gateway {
    async fn start(net: net::Options, cache: &cache::Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = store::Options {
            url: format!("sqlite:{}", folder.path().join("test.db").display()),
            connections: 4,
            lease_ms: 600,
            ..store::Options::default()
        };
        let (store, feed) = Store::open(&options, Sealer::new(&[7; 32]), Clock::default()).await.unwrap();
        // The customer writes past the simulator, which therefore knows of no window.
        let account = Account { window: WindowRule::Off, ..Account::default() };
        let twilio = TwilioAccount::default();
        let kim = Customer {
            id: "kim".to_owned(),
            name: "Kim".to_owned(),
            wa_id: Some("4915112345678".to_owned()),
            ..Customer::default()
        };
        let simulator = switchboard_simulator::Options {
            accounts: vec![account.clone()],
            twilio: vec![twilio.clone()],
            customers: vec![kim],
            ..Default::default()
        };
        let simulator = switchboard_simulator::start(simulator).await.unwrap();
        let client = Client::new(net.clone(), Trust::Operator).unwrap();
        let hub = Hub::default();
        actix_web::rt::spawn(hub.clone().follow(store.listen()));
        let conversations = Conversations::start(&store, &hub, &ActorOptions { shards: 1, ..ActorOptions::default() });
        let agents = Agents::start(&store, &client, models(&simulator), None);
        let product = Options {
            files: folder.path().join("files"),
            reader: env!("CARGO_BIN_EXE_switchboard").into(),
            quiet_period: Duration::ZERO,
            answer_timeout: Duration::from_secs(10),
            token_key: [9; 32],
            access_key: [8; 32],
            sign_up: SignUp::Open,
            plans: plans(),
            settle: Duration::ZERO,
            ..Options::default()
        };
        let switchboard = Switchboard::new(store.clone(), conversations, agents, hub, product);
        let runners = Runners::start(&switchboard, feed, &net);
        actix_web::rt::spawn(joining::keep(switchboard.clone(), store.listen()));
        actix_web::rt::spawn(windows::keep(switchboard.clone()));
        let (outside, here, elsewhere) =
            (client.trusting(Trust::Outside).clone(), store.listen(), store.listen_elsewhere());
        let telling = webhooks::keep(switchboard.clone(), outside, here, elsewhere, CancellationToken::new());
        actix_web::rt::spawn(telling);
        actix_web::rt::spawn(adoption::keep(switchboard.clone(), runners, options.lease_ms));
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let doors = Doors {
            switchboard: switchboard.clone(),
            client,
            options: Arc::new(api::Options { public_url: Some(url.clone()), ..api::Options::default() }),
            widget: assets(),
            limits: Limits::new(cache).unwrap(),
            metrics: None,
        };
        let server = HttpServer::new(move || {
            App::new()
                .wrap(from_fn(limiting::attach))
                .wrap(from_fn(request_id::attach))
                .configure(|services| api::configure(&doors, services))
        })
        .workers(1)
        .disable_signals()
        .listen(listener)
        .unwrap();
        actix_web::rt::spawn(server.run());

        let acme = tenant(&store, "acme").await;
        let rival = tenant(&store, "rival").await;
        let settings = json!({
            "phone_number_id": account.phone_number_id, "waba_id": account.waba_id,
            "access_token": account.access_token, "app_secret": account.app_secret,
            "verify_token": account.verify_token, "base_url": simulator.base_url(),
        });
        let whatsapp = Channel {
            account: Some(account.phone_number_id.clone()),
            business: Some(account.waba_id.clone()),
            settings,
            ..channel(&store, &acme.workspace, Kind::Whatsapp, &acme.agent)
        };
        store.put_channel(&whatsapp).await.unwrap();
        #[expect(clippy::disallowed_methods, reason = "the tests are a caller from outside")]
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        Self { url, switchboard, simulator, account, twilio, whatsapp, acme, rival, http, folder }
    }

    /// Where the database is.
    pub fn database(&self) -> String {
        format!("sqlite:{}", self.folder.path().join("test.db").display())
    }

    /// The bytes of files that are kept.
    pub fn kept_files(&self) -> Vec<std::path::PathBuf> {
        let folders = std::fs::read_dir(self.folder.path().join("files")).into_iter().flatten();
        let files = folders.flat_map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap());
        files.map(|file| file.unwrap().path()).collect()
    }

    /// A request without a credential.
    pub fn ask(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        self.http.request(method, format!("{}{path}", self.url))
    }

    /// A request with the workspace's key.
    pub fn acme(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.ask(method, path).bearer_auth(&self.acme.key)
    }

    /// A request with a session's cookie.
    pub fn by_cookie(&self, session: &str, method: &str, path: &str) -> reqwest::RequestBuilder {
        self.ask(method, path).header("cookie", format!("theme=dark; session_token={session}"))
    }

    /// A new key of a workspace that may do just this.
    pub async fn key_with(&self, tenant: &Tenant, scopes: &[Permission]) -> String {
        let store = &self.switchboard.store;
        let name = format!("key {}", store.clock().id());
        api_key(store, &tenant.workspace, None, &name, Permissions::of(scopes)).await
    }

    /// A new member of a workspace, and the token of their session.
    pub async fn member_with(&self, tenant: &Tenant, email: &str, role: Role) -> (User, String) {
        member(&self.switchboard.store, &tenant.workspace, email, role).await
    }

    /// A GET of an address that is not the gateway's.
    pub fn elsewhere(&self, address: &str) -> reqwest::RequestBuilder {
        self.http.get(address)
    }

    /// Puts something at an address that is not the gateway's.
    pub async fn put_elsewhere(&self, address: &str, body: &Value) -> reqwest::StatusCode {
        self.http.put(address).json(body).send().await.unwrap().status()
    }

    /// Removes what is at an address that is not the gateway's.
    pub async fn delete_elsewhere(&self, address: &str) -> reqwest::StatusCode {
        self.http.delete(address).send().await.unwrap().status()
    }

    /// Tells the model what to say.
    pub async fn replies(&self, replies: &Value) {
        let address = format!("{}/sim/model/replies", self.simulator.base_url());
        assert!(self.http.post(address).json(replies).send().await.unwrap().status().is_success());
    }

    /// What the model was asked, oldest first.
    pub async fn asked(&self) -> Vec<Value> {
        let address = format!("{}/sim/model/requests", self.simulator.base_url());
        let seen: Value = self.elsewhere(&address).send().await.unwrap().json().await.unwrap();
        seen["requests"].as_array().unwrap().clone()
    }

    /// Gives an agent of the workspace this model and these settings, and a key of its own or none.
    pub async fn equip(&self, agent: &Agent, model: &str, settings: AgentSettings, key: Option<&str>) {
        let agent = Agent { model: model.to_owned(), settings, ..agent.clone() };
        let api_key = key.map(Secret::new);
        self.switchboard.store.put_agent(&StoredAgent { agent, api_key }).await.unwrap();
    }

    /// A new agent with this model and these settings and without a key of its own.
    pub async fn hire(&self, model: &str, settings: AgentSettings) -> String {
        let id = self.switchboard.store.clock().id();
        let agent = Agent { id: id.clone(), name: id.clone(), ..self.acme.agent.clone() };
        self.equip(&agent, model, settings, None).await;
        id
    }

    /// The product with a model of embeddings at this address, on an account of the installation if there is a key.
    pub fn with_meaning(&self, address: &str, key: Option<&str>) -> Switchboard {
        let embedder = Embedder::new(address, "test-model", key.map(Secret::new));
        let options = agents::Options { embedder, ..models(&self.simulator) };
        let client = Client::new(net::Options::default(), Trust::Operator).unwrap();
        let mut switchboard = self.switchboard.clone();
        switchboard.agents = Agents::start(&switchboard.store, &client, options, None);
        switchboard
    }

    /// Runs a job that embeds something of acme's, which must end like this.
    pub async fn embed(&self, switchboard: &Switchboard, of: Embeddable, id: &str, end: &Verdict) {
        let job = Job {
            id: switchboard.store.clock().id(),
            workspace_id: self.acme.workspace.id.clone(),
            lane: String::new(),
            work: Work::Embed { of, id: id.to_owned() },
            run_at: 0,
            attempts: 0,
            reclaimed: false,
            behind: false,
            cargo: None,
        };
        assert_eq!(&switchboard.embed(&job, of, id).await, end);
    }

    /// What a GET with the workspace's key gives.
    pub async fn read(&self, path: &str) -> Value {
        let (status, body) = answer(self.acme("GET", path)).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Watches the events from now on.
    pub fn watch(&self) -> Watch {
        Watch(self.switchboard.store.listen())
    }

    /// Delivers a text of a customer as the vendor does, and gives its conversation once it is answered and sent.
    pub async fn customer_writes(&self, id: &str, text: &str) -> String {
        let mut watch = self.watch();
        let response = self.deliver(&self.delivery(id, text)).await;
        assert_eq!(response.status(), 200);
        watch.until("message.sent").await
    }

    /// The vendor's delivery of a text.
    pub fn delivery(&self, id: &str, text: &str) -> String {
        let seconds = (self.switchboard.store.clock().now() / 1_000).to_string();
        json!({"object": "whatsapp_business_account", "entry": [{"id": self.account.waba_id, "changes": [{
            "field": "messages",
            "value": {
                "messaging_product": "whatsapp",
                "metadata": {
                    "display_phone_number": self.account.display_phone_number,
                    "phone_number_id": self.account.phone_number_id,
                },
                "contacts": [{"profile": {"name": "Kim"}, "wa_id": "4915112345678"}],
                "messages": [{
                    "from": "4915112345678", "id": id, "timestamp": seconds, "type": "text", "text": {"body": text},
                }],
            },
        }]}]})
        .to_string()
    }

    /// What the vendor says in the header of a delivery that it signs with this secret.
    pub fn signature(&self, body: &str, secret: &str) -> String {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(body.as_bytes());
        format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
    }

    /// Posts a delivery, signed.
    pub async fn deliver(&self, body: &str) -> reqwest::Response {
        self.deliver_signed(body, &self.account.app_secret).await
    }

    /// Posts a delivery, signed with this secret.
    pub async fn deliver_signed(&self, body: &str, secret: &str) -> reqwest::Response {
        let signature = self.signature(body, secret);
        let request = self.ask("POST", "/api/webhooks/whatsapp").header("x-hub-signature-256", signature);
        request.body(body.to_owned()).send().await.unwrap()
    }
}

impl Watch {
    /// Waits for an event of this kind whose data has this member.
    pub async fn until_data(&mut self, kind: &str, member: &str) {
        let waiting = async {
            loop {
                let batch = self.0.recv().await.unwrap();
                let told = |event: &LiveEvent| event.kind == kind && event.data.contains(&format!("\"{member}\""));
                if batch.iter().any(told) {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("no {kind} with {member} came"));
    }

    /// Waits for an event of this kind and gives its conversation.
    pub async fn until(&mut self, kind: &str) -> String {
        let mut seen = Vec::new();
        let waiting = async {
            loop {
                let batch = self.0.recv().await.unwrap();
                seen.extend(batch.iter().map(|event| format!("{} {}", event.kind, event.data)));
                if let Some(event) = batch.iter().find(|event| event.kind == kind) {
                    return event.conversation_id.as_ref().unwrap().to_string();
                }
            }
        };
        let found = tokio::time::timeout(PATIENCE, waiting).await;
        found.unwrap_or_else(|_| panic!("no {kind} came, but {seen:#?}"))
    }
}

/// Status and JSON body of an answer; null for a body that is none.
pub async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default())
}

async fn tenant(store: &Store, name: &str) -> Tenant {
    let clock = store.clock();
    let workspace =
        Workspace { id: clock.id(), name: name.to_owned(), plan: "enterprise".to_owned(), created_at: clock.now() };
    store.put_workspace(&workspace).await.unwrap();
    let echo = agent(store, &workspace, "Echo").await;
    let other_agent = agent(store, &workspace, "Other").await;
    let all = Permissions::of(&[Permission::Chat, Permission::Read, Permission::Write, Permission::Manage]);
    let key = api_key(store, &workspace, None, "ops", all).await;
    let agent_key = api_key(store, &workspace, Some(&echo), "bot", all).await;
    let (owner, session) = member(store, &workspace, &format!("owner@{name}.example"), Role::Owner).await;
    let widget = channel(store, &workspace, Kind::Widget, &echo);
    let widget = Channel {
        settings: json!({"allowed_origins": ["https://shop.example"], "identity_secret": SITE_SECRET}),
        ..widget
    };
    store.put_channel(&widget).await.unwrap();
    Tenant { workspace, key, agent_key, agent: echo, other_agent, widget, owner, session }
}

/// A new member without a password, and the token of their session.
async fn member(store: &Store, workspace: &Workspace, email: &str, role: Role) -> (User, String) {
    let clock = store.clock();
    let user = User {
        id: clock.id(),
        email: Some(email.to_owned()),
        phone: None,
        name: email.split('@').next().unwrap().to_owned(),
        created_at: clock.now(),
    };
    let stored = StoredUser { user: user.clone(), password: None, tokens_from: 0 };
    store.put_user(&stored).await.unwrap();
    store.put_member(&workspace.id, &user.id, role).await.unwrap();
    let token = clock.id();
    let session = NewSession {
        hash: api_keys::hash(&token),
        user_id: user.id.clone(),
        expires_at: clock.now() + 3_600_000,
        ip: "127.0.0.1".to_owned(),
        client: "test".to_owned(),
    };
    store.open_session(&session).await.unwrap();
    (user, token)
}

async fn agent(store: &Store, workspace: &Workspace, name: &str) -> Agent {
    let agent = Agent {
        id: store.clock().id(),
        workspace_id: workspace.id.clone(),
        name: name.to_owned(),
        model: "builtin/echo".to_owned(),
        instructions: String::new(),
        settings: AgentSettings::default(),
        is_active: true,
        created_at: store.clock().now(),
    };
    let api_key = Some(switchboard_channels::contract::credentials::Secret::new("sk-model-secret".to_owned()));
    store.put_agent(&StoredAgent { agent: agent.clone(), api_key }).await.unwrap();
    agent
}

async fn api_key(
    store: &Store,
    workspace: &Workspace,
    agent: Option<&Agent>,
    name: &str,
    scopes: Permissions,
) -> String {
    let key = format!("sb_{}{}", store.clock().id(), store.clock().id());
    let stored = NewApiKey {
        id: store.clock().id(),
        workspace_id: workspace.id.clone(),
        agent_id: agent.map(|agent| agent.id.clone()),
        name: name.to_owned(),
        prefix: api_keys::visible_prefix(&key),
        hash: api_keys::hash(&key),
        scopes,
        requests_per_minute: None,
        expires_at: None,
        created_by: None,
    };
    store.put_api_key(&stored).await.unwrap();
    key
}

fn channel(store: &Store, workspace: &Workspace, kind: Kind, agent: &Agent) -> Channel {
    Channel {
        id: store.clock().id(),
        workspace_id: workspace.id.clone(),
        kind,
        name: kind.as_str().to_owned(),
        agent_id: Some(agent.id.clone()),
        account: None,
        business: None,
        state: ChannelState::Active,
        state_reason: None,
        origin: Origin::Operator,
        settings: json!({}),
    }
}

fn assets() -> Assets {
    let served = |asset: &'static widget::Asset, is_current| Script {
        body: &asset.body,
        content_type: asset.content_type,
        etag: &asset.etag,
        headers: &widget::ASSET_HEADERS,
        is_current,
    };
    Assets {
        script: served(widget::script(), |value| widget::is_current(widget::script(), value)),
        lead_form: served(widget::lead_form(), |value| widget::is_current(widget::lead_form(), value)),
        page: |hosted: &Hosted<'_>| {
            widget::page::render(&widget::page::HostedPage {
                channel_id: hosted.channel_id,
                title: hosted.title,
                greeting: hosted.greeting,
                color: hosted.color,
                language: hosted.language,
            })
        },
        page_policy: widget::page::CONTENT_SECURITY_POLICY,
    }
}
