//! People who write and programs that answer: changes as the product decides them.

use std::sync::Arc;

use serde_json::json;
use switchboard::domain::changes::{Change, NewDelivery, Progress, Refusal, Revision};
use switchboard::domain::channels::Channel;
use switchboard::domain::conversations::{Conversation, Origin, Post, Received, Situation, post, receive};
use switchboard::domain::deliveries::{DeliveryOutcome, RawDelivery};
use switchboard::domain::jobs::Embeddable;
use switchboard::domain::messages::{Author, AuthorKind, Message, MessageError, Status};
use switchboard::domain::usage::Spent;
use switchboard::store::Store;
use switchboard::store::embeddings::Unembedded;
use switchboard_channels::contract::capabilities::WindowRule;
use switchboard_channels::contract::content::Content;
use switchboard_channels::contract::inbound::{self, Event};
use switchboard_channels::contract::peer::{Identity, IdentityKind, Peer};

/// The identities of the person with this phone number, the stronger first.
pub fn identities(phone: &str) -> Vec<Identity> {
    vec![
        Identity::new(IdentityKind::UserId, format!("US.{phone}")),
        Identity::new(IdentityKind::Phone, phone.to_owned()),
    ]
}

/// A text of the person with this phone number, under the vendor's id.
pub fn text(provider_id: &str, phone: &str, text: &str) -> Event {
    content(provider_id, phone, Content::text(text))
}

/// The same with any content.
pub fn content(provider_id: &str, phone: &str, content: Content) -> Event {
    Event::Message(Box::new(inbound::Message {
        id: provider_id.to_owned(),
        peer: Peer { identities: identities(phone), name: Some(format!("Person {phone}")), ..Peer::default() },
        at: Some(1_700_000_000_000),
        content,
        reply_to: None,
        forwarded: false,
        referral: None,
        opens_window: true,
        wants_answer: true,
        thread: None,
    }))
}

/// A conversation that is not stored yet.
pub fn unwritten(store: &Store, channel: &Channel) -> Conversation {
    let clock = store.clock();
    Conversation::begin(clock.id(), channel, Origin { contact_id: clock.id(), ..Origin::default() }, clock.now())
}

/// What the product decides on these events.
pub fn decide(store: &Store, conversation: &Conversation, events: &[Event]) -> Received {
    receive(conversation, events, &situation(store, &|| store.clock().id()))
}

/// Stores these events in a conversation, and gives its state after them.
pub async fn hear(store: &Store, conversation: &Conversation, events: &[Event]) -> Result<Conversation, Refusal> {
    let Received { change, next, .. } = decide(store, conversation, events);
    store.commit(change).await.map(|_| next)
}

/// A person's first message: a new conversation with one text, whose vendor id is `wamid.<phone>`.
pub async fn meet(store: &Store, channel: &Channel, phone: &str) -> Conversation {
    let new = unwritten(store, channel);
    hear(store, &new, &[text(&format!("wamid.{phone}"), phone, "hello")]).await.unwrap()
}

/// Something that a program says; gives the state after it and the message, which waits for its send job.
pub async fn say(store: &Store, conversation: &Conversation, text: &str) -> (Conversation, Message) {
    let said = Post {
        author: Author { kind: AuthorKind::System, id: None, name: None },
        pieces: vec![Content::text(text).into()],
        reply_to: None,
        reply_to_provider: None,
        to: &[],
        holds: false,
        fallback_after: None,
        replaces: None,
    };
    let posted = post(conversation, said, &situation(store, &|| store.clock().id())).unwrap();
    let message = posted.change.messages[0].message.clone();
    store.commit(posted.change).await.unwrap();
    (posted.next, message)
}

/// News of how far a message has come.
pub fn progress(channel: &Channel, message_id: &str, status: Status) -> Progress {
    let failed = || MessageError { code: "FAILED".to_owned(), message: "It failed.".to_owned(), vendor_code: None };
    Progress {
        message_id: message_id.to_owned(),
        channel_id: channel.id.clone(),
        status,
        provider_id: Some(format!("wamid.of.{message_id}")),
        at: 1_700_000_000_000,
        error: (status == Status::Failed).then(failed),
    }
}

/// An edit of the vendor's message (or, without text, its deletion).
pub fn revision(channel: &Channel, id: &str, target: &str, text: Option<&str>, at: i64) -> Revision {
    Revision {
        id: id.to_owned(),
        channel_id: channel.id.clone(),
        target: target.to_owned(),
        content: text.map(Content::text),
        at,
    }
}

/// A change of this workspace that does nothing yet.
pub fn nothing(channel: &Channel) -> Change {
    Change { workspace_id: channel.workspace_id.clone(), ..Change::default() }
}

/// A raw delivery of the channel's vendor.
pub fn delivery(store: &Store, channel: &Channel, outcome: DeliveryOutcome) -> NewDelivery {
    NewDelivery {
        id: store.clock().id(),
        channel_id: Some(channel.id.clone()),
        kind: channel.kind.as_str().to_owned(),
        received_at: store.clock().now(),
        raw: Arc::new(RawDelivery { body: "{\"object\":\"account\"}".to_owned(), envelope: None }),
        outcome,
        detail: Some(json!([{ "path": "entry[0]" }])),
    }
}

fn situation<'a>(store: &Store, new_id: &'a dyn Fn() -> String) -> Situation<'a> {
    Situation { now: store.clock().now(), rule: WindowRule::None, quiet_ms: 0, nameless: false, new_id }
}

/// What this many tokens of a model of embeddings are, on the installation's account.
pub fn embedding(model: &str, tokens: i64) -> Spent {
    let (model, currency) = (model.to_owned(), "USD".to_owned());
    Spent { model, hosted: true, input_tokens: tokens, output_tokens: 0, cost_micros: tokens * 2, currency }
}

/// Says where a text lies. Gives whether it was still the same.
pub async fn put_vector(
    store: &Store,
    workspace_id: &str,
    of: Embeddable,
    (id, text): (&str, &str),
    vector: &[f32],
) -> bool {
    let text = Unembedded { id: id.to_owned(), agent_id: String::new(), text: text.to_owned() };
    let embedded = [(text, vector.to_vec())];
    store.put_embeddings(workspace_id, of, &embedded, &embedding("m", 0)).await.unwrap() == 1
}
