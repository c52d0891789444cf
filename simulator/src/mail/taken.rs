//! What becomes of a mail that a gateway sends: whose it is, what it says, where it is remembered, and its bounce.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use mail_parser::{Address, HeaderValue, Message, MessageParser, MimeHeaders};
use serde_json::{Value, json};

use super::session::Envelope;
use super::{Mailbox, compose, plain};
use crate::books::SentMessage;
use crate::channel::Channel;
use crate::clock::real_ms;
use crate::faults::Action;
use crate::world::World;

/// Most mails remembered.
const MOST: usize = 20_000;
/// How long a mail travels before it bounces.
const UNTIL_BOUNCE: Duration = Duration::from_millis(50);

/// What an answer needs to know of the mail it answers.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    pub id: String,
    /// Where an answer goes: `Reply-To`, else `From`.
    pub answer_to: String,
    pub subject: String,
    pub references: Vec<String>,
    /// Envelope sender, where a bounce goes.
    pub returns_to: String,
    /// Envelope recipients.
    pub to: Vec<String>,
    /// The beginning of the mail, which a bounce carries.
    pub head: String,
    pub text: String,
}

/// The mails of both directions, by `Message-ID`.
#[derive(Debug, Default)]
pub struct Mails {
    kept: Mutex<(HashMap<String, Kept>, VecDeque<String>)>,
}

impl Mails {
    /// Remembers a mail.
    pub fn keep(&self, mail: Kept) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (mails, order) = &mut *kept;
        order.push_back(mail.id.clone());
        mails.insert(mail.id.clone(), mail);
        if order.len() > MOST
            && let Some(oldest) = order.pop_front()
        {
            mails.remove(&oldest);
        }
    }

    /// The mail with this `Message-ID`, with or without its brackets.
    pub fn get(&self, id: &str) -> Option<Kept> {
        let id = id.trim_matches(['<', '>']);
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).0.get(id).cloned()
    }
}

/// All addresses of a header.
fn addresses(header: Option<&Address<'_>>) -> Vec<String> {
    let all = header.map(|header| header.iter().filter_map(|one| one.address()).map(str::to_owned).collect());
    all.unwrap_or_default()
}

fn ids(header: &HeaderValue<'_>) -> Vec<String> {
    match header {
        HeaderValue::Text(id) => vec![id.to_string()],
        HeaderValue::TextList(ids) => ids.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}

/// Takes a mail whose last dot has come. Answers with its `Message-ID`.
///
/// # Errors
/// The reply that refuses it.
pub fn take(
    world: &Arc<World>,
    envelope: &Envelope,
    user: Option<&str>,
    raw: &[u8],
    actions: &[Action],
) -> Result<String, String> {
    let message = MessageParser::default().parse(raw).filter(|message| !message.headers().is_empty());
    let message = message.ok_or("554 5.6.0 A mail begins with headers")?;
    let mailbox = mailbox(world, envelope, &message)?;
    if mailbox.username.as_deref().is_some_and(|owner| user != Some(owner)) {
        return Err("553 5.7.1 Sender address rejected: not owned by user".to_owned());
    }
    let id = message.message_id().map_or_else(|| format!("{}@simulator.example", world.ids.digits()), str::to_owned);
    let kept = kept(&id, envelope, &message, raw);
    let bounce = actions.iter().find_map(|action| match action {
        Action::FailReceipt(code) => Some(*code),
        _ => None,
    });
    enter(world, &mailbox, envelope, &message, raw, &id);
    world.mails.keep(kept.clone());
    if let Some(code) = bounce {
        compose::bounce(world, &mailbox, &kept, code, UNTIL_BOUNCE);
    }
    Ok(id)
}

/// The mailbox that a mail is from. What comes from nobody's mailbox is refused, as a mail server does.
fn mailbox(world: &World, envelope: &Envelope, message: &Message<'_>) -> Result<Arc<Mailbox>, String> {
    let written = addresses(message.from()).into_iter().chain(addresses(message.reply_to()));
    let known = written.chain([envelope.from.clone()]).find_map(|address| {
        let address = plain(&address);
        world.mailboxes.find(|mailbox| plain(&mailbox.address) == address)
    });
    known.ok_or_else(|| "550 5.7.1 Sender address rejected: there is no such mailbox".to_owned())
}

fn kept(id: &str, envelope: &Envelope, message: &Message<'_>, raw: &[u8]) -> Kept {
    let answer_to = addresses(message.reply_to()).into_iter().chain(addresses(message.from())).next();
    let mut references = ids(message.references());
    if references.is_empty() {
        references = ids(message.in_reply_to());
    }
    let end = raw.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(raw.len());
    Kept {
        id: id.to_owned(),
        answer_to: answer_to.unwrap_or_else(|| envelope.from.clone()),
        subject: message.subject().unwrap_or_default().to_owned(),
        references,
        returns_to: envelope.from.clone(),
        to: envelope.to.clone(),
        head: String::from_utf8_lossy(raw.get(..end).unwrap_or_default()).into_owned(),
        text: message.body_text(0).map(std::borrow::Cow::into_owned).unwrap_or_default(),
    }
}

/// Writes the mail into the books; its bytes and its files are kept with the other files.
fn enter(world: &World, mailbox: &Mailbox, envelope: &Envelope, message: &Message<'_>, raw: &[u8], id: &str) {
    let raw_id = world.ids.digits();
    world.media.put(raw_id.clone(), "message/rfc822".to_owned(), None, Bytes::copy_from_slice(raw));
    let body = json!({
        "envelope": {"from": envelope.from, "to": envelope.to}, "from": addresses(message.from()),
        "to": addresses(message.to()), "cc": addresses(message.cc()), "reply_to": addresses(message.reply_to()),
        "subject": message.subject(), "message_id": id, "in_reply_to": ids(message.in_reply_to()),
        "references": ids(message.references()), "text": message.body_text(0), "html": message.body_html(0),
        "attachments": files(world, message), "size": raw.len(), "raw_id": raw_id,
        "headers": message.headers_raw().map(|(name, value)| json!([name, value.trim()])).collect::<Vec<_>>(),
    });
    let customer = envelope.to.iter().find_map(|to| world.customers.find(to));
    world.enter(SentMessage {
        seq: 0,
        channel: Channel::Email,
        account: mailbox.address.clone(),
        id: id.to_owned(),
        to: Some(envelope.to.join(", ")),
        recipient: None,
        customer: customer.map(|customer| customer.id.clone()),
        kind: "mail".to_owned(),
        text: message.body_text(0).map(std::borrow::Cow::into_owned),
        tracking: message.message_id().map(str::to_owned),
        body,
        arrived_ms: real_ms(),
        at_ms: world.clock.now_ms(),
        duplicate: false,
    });
}

fn files(world: &World, message: &Message<'_>) -> Vec<Value> {
    let files = message.attachments().map(|part| {
        let essence = part.content_type().map(|kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or("plain")));
        let essence = essence.unwrap_or_else(|| "application/octet-stream".to_owned());
        let filename = part.attachment_name().map(str::to_owned);
        let bytes = Bytes::copy_from_slice(part.contents());
        let kept = world.media.put(world.ids.digits(), essence, filename, bytes);
        json!({"id": kept.id, "filename": kept.filename, "mime_type": kept.mime_type, "size": kept.bytes.len(),
            "cid": part.content_id()})
    });
    files.collect()
}
