//! A trace ends in the same conversations however it is delivered: doubled, shuffled, split or all at once.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use sha2::Sha256;
use switchboard::actors::agents::Agents;
use switchboard::actors::errands::{Said, Say};
use switchboard::actors::hub::Hub;
use switchboard::actors::supervisor::{Conversations, Options as Lives};
use switchboard::domain::channels::{Channel, ChannelState, Origin};
use switchboard::domain::messages::{Author, AuthorKind, Direction};
use switchboard::net::{self, Client, Trust};
use switchboard::store::seal::Sealer;
use switchboard::store::{Options as StoreOptions, Store};
use switchboard::telemetry::clock::Clock;
use switchboard::usecases::receiving::Knock;
use switchboard::usecases::{Options, Switchboard};
use switchboard_channels::Kind;
use switchboard_channels::contract::capabilities::WindowRule;
use switchboard_channels::contract::content::Content;
use switchboard_channels::contract::vendor::Delivery;

use crate::support::databases::{MASTER_KEY, agent, workspace};
use crate::support::line::Line;
use crate::support::stage::{APP_SECRET, NUMBER};

const CASES: u32 = 24;
const ANA: &str = "491810000001";
const BEN: &str = "491810000002";

/// A product with one channel, without jobs that run.
struct Product {
    switchboard: Switchboard,
    channel: Channel,
    _folder: tempfile::TempDir,
}

impl Product {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        let options = StoreOptions { url, ..StoreOptions::default() };
        let (store, _jobs) = Store::open(&options, Sealer::new(&MASTER_KEY), Clock::default()).await.unwrap();
        let workspace = workspace(&store, "acme").await;
        let agent = agent(&store, &workspace, "ada").await;
        let channel = Channel {
            id: store.clock().id(),
            workspace_id: workspace.id,
            kind: Kind::Whatsapp,
            name: "main".to_owned(),
            agent_id: Some(agent.id),
            account: Some(NUMBER.to_owned()),
            business: None,
            state: ChannelState::Active,
            state_reason: None,
            origin: Origin::Operator,
            settings: json!({ "phone_number_id": NUMBER, "access_token": "t", "app_secret": APP_SECRET, "verify_token": "v" }),
        };
        store.put_channel(&channel).await.unwrap();
        net::install_crypto();
        let client = Client::new(net::Options::default(), Trust::Operator).unwrap();
        let hub = Hub::default();
        let conversations = Conversations::start(&store, &hub, &Lives { shards: 1, ..Lives::default() });
        let agents = Agents::start(&store, &client, Default::default(), conversations.arbiters().next());
        let switchboard = Switchboard::new(store, conversations, agents, hub, Options::default());
        Self { switchboard, channel, _folder: folder }
    }

    /// Delivers these changes in one POST.
    async fn deliver(&self, values: &[Value]) {
        let changes: Vec<_> = values.iter().map(|value| json!({ "field": "messages", "value": value })).collect();
        let body = json!({ "object": "whatsapp_business_account", "entry": [{ "id": "1", "changes": changes }] });
        let body = body.to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(APP_SECRET.as_bytes()).unwrap();
        mac.update(body.as_bytes());
        let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
        let headers = [("x-hub-signature-256".to_owned(), signature.into_bytes())];
        let now = self.switchboard.now();
        let delivery = Delivery { url: "http://switchboard.example/", headers: &headers, body: body.as_bytes(), now };
        let knock = Knock { kind: Kind::Whatsapp, channel_id: None, delivery };
        self.switchboard.take_delivery(knock).await.unwrap();
    }

    /// Says something to Ana; gives our id of it.
    async fn say(&self) -> String {
        let (conversations, _) =
            self.switchboard.store.conversations(&self.channel.workspace_id, None, 10, 0).await.unwrap();
        let say = Say {
            author: Author { kind: AuthorKind::Human, id: None, name: None },
            pieces: vec![Content::text("How can I help?").into()],
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

    /// What can be read afterwards, by customer and the vendor's id of the message.
    async fn ends_in(&self) -> BTreeMap<(String, String), Value> {
        let store = &self.switchboard.store;
        let mut end = BTreeMap::new();
        let (conversations, _) = store.conversations(&self.channel.workspace_id, None, 10, 0).await.unwrap();
        for conversation in &conversations {
            let messages =
                store.messages(&self.channel.workspace_id, &conversation.state.id, Some(0), 1_000).await.unwrap();
            let numbers: Vec<_> = messages.iter().map(|message| message.seq).collect();
            let dense: Vec<_> = (1..=i64::try_from(messages.len()).unwrap()).collect();
            assert_eq!(numbers, dense);
            for message in messages {
                let key = (Line::Whatsapp.number_of(conversation), message.provider_id.clone().unwrap_or_default());
                let seen = json!({
                    "inbound": message.direction == Direction::Inbound, "content": message.content,
                    "body": message.body, "status": message.status.as_str(), "edited": message.edited_at,
                    "deleted": message.deleted_at, "at": message.provider_timestamp,
                });
                assert_eq!(end.insert(key, seen), None, "stored twice");
            }
        }
        end
    }
}

fn value(member: &str, one: Value) -> Value {
    let contact = |phone: &str, name: &str| json!({ "profile": { "name": name }, "wa_id": phone });
    let from = one["from"].as_str().or(one["recipient_id"].as_str()).unwrap().to_owned();
    json!({
        "messaging_product": "whatsapp",
        "metadata": { "display_phone_number": "15550783881", "phone_number_id": NUMBER },
        "contacts": [contact(&from, "A customer")],
        (member): [one],
    })
}

/// The recorded trace; `sent` is our id of what was said to Ana, `at` the time it began, in seconds.
fn trace(sent: &str, at: i64) -> Vec<Value> {
    let message = |from: &str, id: &str, after: i64, kind: &str, content: Value| {
        let time = (at + after).to_string();
        value(
            "messages",
            json!({ "from": from, "id": format!("wamid.{id}"), "timestamp": time, "type": kind, (kind): content }),
        )
    };
    let text = |from, id, after, body: &str| message(from, id, after, "text", json!({ "body": body }));
    let edit = |from, id, after, of: &str, body: &str| {
        let new = json!({ "context": { "id": "M0" }, "type": "text", "text": { "body": body } });
        message(from, id, after, "edit", json!({ "original_message_id": format!("wamid.{of}"), "message": new }))
    };
    let receipt = |status: &str, after: i64| {
        let time = (at + after).to_string();
        value(
            "statuses",
            json!({ "id": "wamid.sent", "status": status, "timestamp": time, "recipient_id": ANA,
            "biz_opaque_callback_data": sent }),
        )
    };
    vec![
        text(ANA, "a1", 1, "I ordered a lamp"),
        text(ANA, "a2", 2, "it is brocken"),
        text(BEN, "b1", 2, "When do you open?"),
        edit(ANA, "a3", 3, "a2", "it is broken"),
        edit(ANA, "a4", 4, "a2", "it is broken!"),
        text(ANA, "a5", 5, "never mind"),
        message(ANA, "a6", 6, "revoke", json!({ "original_message_id": "wamid.a5" })),
        message(ANA, "a7", 7, "reaction", json!({ "message_id": "wamid.sent", "emoji": "👍" })),
        text(BEN, "b2", 7, "And on Sundays?"),
        message(BEN, "b3", 8, "location", json!({ "latitude": 52.5, "longitude": 13.4 })),
        receipt("sent", 1),
        receipt("delivered", 2),
        receipt("read", 3),
    ]
}

/// Delivers the trace in this order and in pieces of these sizes.
async fn play(order: &[usize], sizes: &[usize], at: i64) -> BTreeMap<(String, String), Value> {
    let product = Product::new().await;
    product
        .deliver(&[value(
            "messages",
            json!({ "from": ANA, "id": "wamid.a0", "timestamp": at.to_string(),
        "type": "text", "text": { "body": "Hello" } }),
        )])
        .await;
    let trace = trace(&product.say().await, at);
    let mut left = order;
    for size in sizes.iter().cycle() {
        if left.is_empty() {
            break;
        }
        let (now, later) = left.split_at((*size).min(left.len()));
        let values: Vec<_> = now.iter().map(|nth| trace[*nth].clone()).collect();
        product.deliver(&values).await;
        left = later;
    }
    product.ends_in().await
}

#[test]
fn any_doubling_shuffling_and_splitting_ends_in_the_same_conversations() {
    let length = trace("", 0).len();
    let at = Clock::default().now() / 1_000;
    let straight: Vec<_> = (0..length).collect();
    let expected = actix_web::rt::System::new().block_on(play(&straight, &[1], at));
    assert_eq!(expected[&(ANA.to_owned(), "wamid.a2".to_owned())]["body"], "it is broken!");
    assert_eq!(expected[&(ANA.to_owned(), "wamid.sent".to_owned())]["status"], "read");
    assert!(expected[&(ANA.to_owned(), "wamid.a5".to_owned())]["deleted"].is_i64());

    let doubles = proptest::collection::vec(0..length, 0..8);
    let order =
        doubles.prop_flat_map(move |doubles| Just((0..length).chain(doubles).collect::<Vec<_>>()).prop_shuffle());
    let ways = (order, proptest::collection::vec(1..6_usize, 1..4));
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    runner
        .run(&ways, |(order, sizes)| {
            let end = actix_web::rt::System::new().block_on(play(&order, &sizes, at));
            prop_assert_eq!(&end, &expected);
            Ok(())
        })
        .unwrap();
}
