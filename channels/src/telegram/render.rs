//! Requests to the vendor, checked against its limits before anything goes out. It sends nothing.

mod choices;
mod content;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};

use super::{CALLBACK, CAPABILITIES, Settings, message_of};
use crate::contract::content::Content;
use crate::contract::credentials::Secret;
use crate::contract::failure::{Failure, Fault, Retry};
use crate::contract::fitting::fit;
use crate::contract::outbound::{Outbound, Sign};
use crate::contract::peer::{Identity, IdentityKind};
use crate::contract::request::{Authorisation, Body, Method, Request, SECRET_IN_PATH};
use crate::meta::limits::invalid;

/// What may stand in a path segment as it is; the colon is a part of every token.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b':');
/// Longest id of a file, in characters.
const LONGEST_FILE_ID: usize = 512;

/// A method of the vendor's, and what it is told.
struct Call {
    method: &'static str,
    body: Map<String, Value>,
}

impl Call {
    fn new(method: &'static str, members: Value) -> Self {
        Self { method, body: if let Value::Object(body) = members { body } else { Map::new() } }
    }

    fn with(mut self, member: &str, value: Value) -> Self {
        self.body.insert(member.to_owned(), value);
        self
    }

    fn request(self, settings: &Settings) -> Request {
        Request { method: Method::Post, body: Body::Json(Value::Object(self.body)), ..question(settings, self.method) }
    }
}

/// Renders a send. What the channel carries only in another form goes in that form, if that is one message.
///
/// # Errors
/// A refusal of the content: `MESSAGE_TOO_LONG` or `INVALID_CONTENT`, naming the field; `RECIPIENT_UNREACHABLE` when
/// none of the recipient's identities is a chat.
pub fn message(settings: &Settings, outbound: &Outbound<'_>) -> Result<Request, Failure> {
    let (chat, shared) = chat(outbound.to)?;
    if let Content::Reaction { target, emoji } = outbound.content {
        return Ok(reaction(chat, target, emoji.as_deref())?.request(settings));
    }
    let mut fitting = fit(outbound.content, &content::carried(outbound.content, shared))?;
    let fitted = match (fitting.pop(), fitting.is_empty()) {
        (Some(fitted), true) => fitted,
        _ => {
            let message = "The content takes more than one message here; split it before it is sent.";
            return Err(Failure::content("MESSAGE_TOO_LONG", message));
        }
    };
    let mut call = content::render(&fitted)?.with("chat_id", json!(chat));
    // Numbers count within a chat: one of another chat would answer something else here.
    if let Some((_, number)) = outbound.reply_to.and_then(message_of).filter(|(of, _)| *of == chat) {
        // The message may be gone by now.
        call = call.with("reply_parameters", json!({ "message_id": number, "allow_sending_without_reply": true }));
    }
    Ok(call.request(settings))
}

/// The chat with the recipient, and whether several people are in it.
fn chat(to: &[Identity]) -> Result<(i64, bool), Failure> {
    let find = |kind| to.iter().find(|identity| identity.kind == kind).and_then(|known| known.value.parse().ok());
    let person = find(IdentityKind::ScopedId).map(|chat| (chat, false));
    person.or_else(|| find(IdentityKind::Group).map(|chat| (chat, true))).ok_or_else(|| {
        let message = "The recipient has no id of Telegram.";
        Failure::new("RECIPIENT_UNREACHABLE", message, Retry::Never, Fault::Recipient)
    })
}

fn reaction(chat: i64, target: &str, emoji: Option<&str>) -> Result<Call, Failure> {
    let number = message_of(target).filter(|(of, _)| *of == chat).map(|(_, number)| number);
    let number = number.ok_or_else(|| invalid("target", "must be the id of a message in this chat"))?;
    let shown: Vec<Value> = match emoji {
        Some(emoji) if emoji.trim().is_empty() => return Err(invalid("emoji", "must not be empty")),
        // The vendor's list has the characters without the mark that asks for colour.
        Some(emoji) => vec![json!({ "type": "emoji", "emoji": emoji.trim().trim_end_matches('\u{fe0f}') })],
        None => Vec::new(),
    };
    let told = json!({ "chat_id": chat, "message_id": number, "reaction": shown });
    Ok(Call::new("setMessageReaction", told))
}

/// Renders the sign that somebody is writing. After a pressed button that is the answer to the press: until then the
/// button shows that it waits.
///
/// # Errors
/// `INVALID_CONTENT` for a sign that Telegram has not, `RECIPIENT_UNREACHABLE` as for a message.
pub fn sign(settings: &Settings, sign: Sign, to: &[Identity], last: Option<&str>) -> Result<Request, Failure> {
    if sign != Sign::Typing {
        return Err(Failure::content("INVALID_CONTENT", "this channel has no such sign"));
    }
    let (chat, _) = chat(to)?;
    let call = match last.and_then(|last| last.strip_prefix(CALLBACK)) {
        Some(press) => Call::new("answerCallbackQuery", json!({ "callback_query_id": press })),
        None => Call::new("sendChatAction", json!({ "chat_id": chat, "action": "typing" })),
    };
    Ok(call.request(settings))
}

/// Renders the question where a file lies.
///
/// # Errors
/// `MEDIA_REJECTED` for an id that is none.
pub fn media_lookup(settings: &Settings, media_id: &str) -> Result<Request, Failure> {
    let sound = (1..=LONGEST_FILE_ID).contains(&media_id.chars().count()) && !media_id.contains(char::is_control);
    if !sound {
        return Err(no_file("The file's id is none."));
    }
    Ok(Call::new("getFile", json!({ "file_id": media_id })).request(settings))
}

/// The address of a file by its path, with a mark where the token belongs; nothing for a path that leaves its folder.
pub(super) fn file_address(settings: &Settings, path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').collect();
    if parts.iter().any(|part| matches!(*part, "" | "." | "..") || part.contains(char::is_control)) {
        return None;
    }
    let parts: Vec<String> = parts.into_iter().map(encoded).collect();
    Some(format!("{}{}", folder(settings), parts.join("/")))
}

/// Renders the download of a file, at an address that [`super::outcome::media_link`] gave.
///
/// # Errors
/// `MEDIA_REJECTED` for any other address: the token goes nowhere else.
pub fn media_download(settings: &Settings, url: &str) -> Result<Request, Failure> {
    let path = url.strip_prefix(&folder(settings));
    let decoded = path.and_then(|path| percent_encoding::percent_decode_str(path).decode_utf8().ok());
    // Only what this very channel composes is fetched, letter by letter.
    match decoded.and_then(|path| file_address(settings, &path)).filter(|address| address == url) {
        Some(address) => Ok(get(settings, address)),
        None => Err(no_file("The file's address is not at the channel's base_url.")),
    }
}

/// Renders the question who a person or a group is.
///
/// # Errors
/// `PROFILE_UNAVAILABLE` for an identity that is no chat.
pub fn profile(settings: &Settings, of: &Identity) -> Result<Request, Failure> {
    let known = chat(std::slice::from_ref(of)).map_err(|_| {
        let message = "Telegram tells nothing of this identity.";
        Failure::new("PROFILE_UNAVAILABLE", message, Retry::Never, Fault::Recipient)
    });
    known.map(|(chat, _)| Call::new("getChat", json!({ "chat_id": chat })).request(settings))
}

/// Renders a question that needs no telling.
#[must_use]
pub fn question(settings: &Settings, method: &str) -> Request {
    let base = settings.base_url.trim_end_matches('/');
    get(settings, format!("{base}/bot{SECRET_IN_PATH}/{method}"))
}

fn get(settings: &Settings, url: String) -> Request {
    let token = Secret::new(encoded(settings.bot_token.reveal()));
    Request { method: Method::Get, url, authorisation: Some(Authorisation::Path(token)), body: Body::Empty }
}

fn folder(settings: &Settings) -> String {
    format!("{}/file/bot{SECRET_IN_PATH}/", settings.base_url.trim_end_matches('/'))
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

fn no_file(message: &str) -> Failure {
    Failure::new("MEDIA_REJECTED", message, Retry::Never, Fault::Vendor)
}
