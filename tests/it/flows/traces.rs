//! A trace ends in the same conversations however it is delivered: doubled, shuffled, split or all at once.

mod wires;

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use switchboard::actors::agents::Agents;
use switchboard::actors::errands::{Said, Say};
use switchboard::actors::hub::Hub;
use switchboard::actors::supervisor::{Conversations, Options as Lives};
use switchboard::domain::channels::{Channel, ChannelState, Origin};
use switchboard::domain::messages::{Author, AuthorKind, Direction};
use switchboard::net::{self, Client, Trust};
use switchboard::store::conversations::Which;
use switchboard::store::seal::Sealer;
use switchboard::store::{Options as StoreOptions, Store};
use switchboard::telemetry::clock::Clock;
use switchboard::usecases::receiving::Knock;
use switchboard::usecases::{Options, Switchboard};
use switchboard_channels::contract::capabilities::WindowRule;
use switchboard_channels::contract::content::Content;
use switchboard_channels::contract::vendor::Delivery;

use crate::support::databases::{MASTER_KEY, agent, workspace};
use crate::support::line::{Line, on_every_line};
use wires::{Post, Wire};

const CASES: u32 = 24;
const ANA: &str = "491810000001";
const BEN: &str = "491810000002";

/// A product with one channel, without jobs that run.
struct Product {
    switchboard: Switchboard,
    channel: Channel,
    wire: Wire,
    _folder: tempfile::TempDir,
}

impl Product {
    async fn new(line: Line) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        let options = StoreOptions { url, ..StoreOptions::default() };
        let (store, _jobs) = Store::open(&options, Sealer::new(&MASTER_KEY), Clock::default()).await.unwrap();
        let workspace = workspace(&store, "acme").await;
        let agent = agent(&store, &workspace, "ada").await;
        let wire = Wire(line);
        let settings = wire.settings();
        let vendor = (line.kind().protocol().read)(settings.clone()).unwrap();
        assert_eq!(vendor.check(), []);
        let channel = Channel {
            id: store.clock().id(),
            workspace_id: workspace.id,
            kind: line.kind(),
            name: "main".to_owned(),
            agent_id: Some(agent.id),
            account: vendor.account(),
            business: vendor.business(),
            state: ChannelState::Active,
            state_reason: None,
            origin: Origin::Operator,
            settings,
        };
        store.put_channel(&channel).await.unwrap();
        net::install_crypto();
        let client = Client::new(net::Options::default(), Trust::Operator).unwrap();
        let hub = Hub::default();
        let conversations = Conversations::start(&store, &hub, &Lives { shards: 1, ..Lives::default() });
        let agents = Agents::start(&store, &client, Default::default(), conversations.arbiters().next());
        let options = Options { files: folder.path().join("files"), ..Options::default() };
        let switchboard = Switchboard::new(store, conversations, agents, hub, options);
        Self { switchboard, channel, wire, _folder: folder }
    }

    /// Delivers these parts of a trace, in one POST where the vendor does so.
    async fn deliver(&self, parts: &[Value]) {
        let now = self.switchboard.now();
        for Post { url, headers, body } in self.wire.posts(parts, now) {
            let delivery = Delivery { url: &url, headers: &headers, body: &body, now };
            let knock = Knock { kind: self.channel.kind, channel_id: Some(&self.channel.id), delivery };
            self.switchboard.take_delivery(knock).await.unwrap();
        }
    }

    /// Says something to Ana; gives our id of it.
    async fn say(&self) -> String {
        let (conversations, _) =
            self.switchboard.store.conversations(&self.channel.workspace_id, &Which::default(), 10, 0).await.unwrap();
        let say = Say {
            birth: None,
            author: Author { kind: AuthorKind::Human, id: None, name: None },
            pieces: vec![Content::text(wires::SAID).into()],
            reply_to: None,
            reply_to_provider: None,
            holds: false,
            fallback_after: None,
            replaces: None,
            idempotency: None,
            most_messages: None,
            rule: WindowRule::None,
        };
        match self.switchboard.conversations.say(&conversations[0].state.id, say).await.unwrap() {
            Said::Stored(message) => message.id,
            other => panic!("{other:?}"),
        }
    }

    /// What can be read afterwards, by customer and the vendor's id of the message; ours has its own name.
    async fn ends_in(&self) -> BTreeMap<(String, String), Value> {
        let store = &self.switchboard.store;
        let mut end = BTreeMap::new();
        let (conversations, _) =
            store.conversations(&self.channel.workspace_id, &Which::default(), 10, 0).await.unwrap();
        for conversation in &conversations {
            let messages =
                store.messages(&self.channel.workspace_id, &conversation.state.id, Some(0), 1_000).await.unwrap();
            let numbers: Vec<_> = messages.iter().map(|message| message.seq).collect();
            let dense: Vec<_> = (1..=i64::try_from(messages.len()).unwrap()).collect();
            assert_eq!(numbers, dense);
            // Where people have several conversations, each ends in the same one.
            let inbound = messages.iter().filter(|message| message.direction == Direction::Inbound);
            let among = inbound.filter_map(|message| message.provider_id.clone()).min();
            for mut message in messages {
                let id = message.provider_id.clone().filter(|_| message.body != wires::SAID);
                let id = id.unwrap_or_else(|| wires::OURS.to_owned());
                let key = (self.wire.0.number_of(conversation), id);
                // The same bytes are kept under a new id each time.
                message.content.all_media_mut().into_iter().for_each(|media| media.file_id = None);
                let files: Vec<_> = message.attachments.iter().map(|file| json!([file.kind, file.state])).collect();
                let seen = json!({
                    "inbound": message.direction == Direction::Inbound, "content": message.content,
                    "body": message.body, "status": message.status.as_str(), "edited": message.edited_at,
                    "deleted": message.deleted_at, "at": message.provider_timestamp, "files": files, "among": among,
                });
                assert_eq!(end.insert(key, seen), None, "stored twice");
            }
        }
        end
    }
}

/// Delivers the trace in this order and in pieces of these sizes.
async fn play(line: Line, order: &[usize], sizes: &[usize], at: i64) -> BTreeMap<(String, String), Value> {
    let product = Product::new(line).await;
    product.deliver(&[product.wire.hello(at)]).await;
    let said = product.say().await;
    for part in product.wire.first(&said, at) {
        product.deliver(&[part]).await;
    }
    let trace = product.wire.trace(&said, at);
    let mut left = order;
    for size in sizes.iter().cycle() {
        if left.is_empty() {
            break;
        }
        let (now, later) = left.split_at((*size).min(left.len()));
        let parts: Vec<_> = now.iter().map(|nth| trace[*nth].clone()).collect();
        product.deliver(&parts).await;
        left = later;
    }
    product.ends_in().await
}

/// Each case has a runtime of its own, which ends with it.
fn played(line: Line, order: &[usize], sizes: &[usize], at: i64) -> BTreeMap<(String, String), Value> {
    actix_web::rt::System::new().block_on(play(line, order, sizes, at))
}

fn ends_the_same(line: Line) {
    let length = Wire(line).trace("", 0).len();
    let at = Clock::default().now() / 1_000;
    let straight: Vec<_> = (0..length).collect();
    let expected = played(line, &straight, &[1], at);
    for (id, pointer, value) in Wire(line).holds(at) {
        let message = &expected[&(ANA.to_owned(), id.clone())];
        assert_eq!(message.pointer(pointer), Some(&value), "{pointer} of {id}: {message:#}");
    }

    let doubles = proptest::collection::vec(0..length, 0..8);
    let order =
        doubles.prop_flat_map(move |doubles| Just((0..length).chain(doubles).collect::<Vec<_>>()).prop_shuffle());
    let ways = (order, proptest::collection::vec(1..6_usize, 1..4));
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    runner
        .run(&ways, |(order, sizes)| {
            prop_assert_eq!(&played(line, &order, &sizes, at), &expected);
            Ok(())
        })
        .unwrap();
}

on_every_line! {
    async fn any_doubling_shuffling_and_splitting_ends_in_the_same_conversations(line) {
        // It brings runtimes of its own, which must not begin within this one.
        std::thread::spawn(move || ends_the_same(line)).join().unwrap();
    }
}
