//! A message as its visitor may see it: no vendor's ids, no internal ids of people, no codes, no raw objects.

use serde::Serialize;
use serde_json::{Value, json};
use switchboard_channels::contract::content::{Content, Header, Media};

use crate::domain::messages::{Attachment, AuthorKind, Direction, Message, Status};

/// What a visitor reads below a message that did not arrive.
const NOT_DELIVERED: &str = "This message could not be delivered.";

/// A message for its visitor.
#[derive(Debug, Serialize)]
pub(super) struct VisibleMessage<'a> {
    id: &'a str,
    seq: i64,
    direction: Direction,
    author: VisibleAuthor<'a>,
    content: Value,
    body: &'a str,
    attachments: Vec<VisibleFile<'a>>,
    reply_to: Option<&'a str>,
    status: Status,
    created_at: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<VisibleError>,
}

#[derive(Debug, Serialize)]
struct VisibleAuthor<'a> {
    kind: AuthorKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct VisibleFile<'a> {
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mime_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
}

#[derive(Debug, Serialize)]
struct VisibleError {
    message: &'static str,
}

impl<'a> VisibleMessage<'a> {
    /// What of a message its visitor may see. One that was taken back keeps its place and loses its words.
    pub(super) fn of(message: &'a Message) -> Self {
        let is_gone = message.deleted_at.is_some();
        // A person's internal id says nothing to a visitor and something to an attacker.
        let has_open_id = matches!(message.author.kind, AuthorKind::Contact | AuthorKind::Agent);
        Self {
            id: &message.id,
            seq: message.seq,
            direction: message.direction,
            author: VisibleAuthor {
                kind: message.author.kind,
                id: message.author.id.as_deref().filter(|_| has_open_id),
                name: message.author.name.as_deref(),
            },
            content: if is_gone { json!({"type": "unsupported"}) } else { content(&message.content, &message.body) },
            body: if is_gone { "" } else { &message.body },
            attachments: if is_gone { Vec::new() } else { message.attachments.iter().filter_map(file).collect() },
            reply_to: message.reply_to.as_deref(),
            // To its author, a message that we have is one that was sent.
            status: if message.status == Status::Received { Status::Sent } else { message.status },
            created_at: message.created_at,
            error: (message.status == Status::Failed).then_some(VisibleError { message: NOT_DELIVERED }),
        }
    }
}

/// The visitor's own id of a message, when this visitor wrote it.
pub(super) fn client_id<'a>(message: &'a Message, visitor_id: &str) -> Option<&'a str> {
    if message.direction != Direction::Inbound {
        return None;
    }
    message.provider_id.as_deref()?.strip_prefix(visitor_id)?.strip_prefix(':')
}

/// A file that can be fetched; one that is still on its way comes later with the changed message.
fn file(attachment: &Attachment) -> Option<VisibleFile<'_>> {
    Some(VisibleFile {
        url: attachment.url.as_deref()?,
        mime_type: attachment.mime_type.as_deref(),
        filename: attachment.filename.as_deref(),
        size: attachment.size,
    })
}

/// The content in the protocol's shapes; what it has no shape for is shown as its plain text.
fn content(content: &Content, body: &str) -> Value {
    match content {
        Content::Text { text, .. } => json!({"type": "text", "text": text}),
        Content::Choice { id, title, .. } => json!({"type": "choice", "id": id, "title": title}),
        Content::Image(media)
        | Content::Video(media)
        | Content::Audio(media)
        | Content::Document(media)
        | Content::Sticker(media) => medium(content.kind(), media),
        Content::Location(_) => serde_json::to_value(content).unwrap_or_default(),
        Content::Buttons { text, buttons, header, footer } => {
            around(json!({"type": "buttons", "text": text, "buttons": buttons}), header.as_ref(), footer.as_deref())
        }
        Content::List { text, button, sections, header, footer } => around(
            json!({"type": "list", "text": text, "button": button, "sections": sections}),
            header.as_ref(),
            footer.as_deref(),
        ),
        Content::Link { text, label, url, header, footer } => around(
            json!({"type": "link", "text": text, "label": label, "url": url}),
            header.as_ref(),
            footer.as_deref(),
        ),
        Content::Email(mail) => json!({"type": "text", "text": mail.text}),
        Content::System { kind, text } => json!({"type": "system", "kind": kind, "text": text}),
        Content::Unsupported { .. } => json!({"type": "unsupported"}),
        Content::LocationRequest { .. }
        | Content::Contacts { .. }
        | Content::Reaction { .. }
        | Content::Template(_)
        | Content::Multipart { .. }
        | Content::Form { .. }
        | Content::Order { .. } => json!({"type": "text", "text": body}),
    }
}

fn around(mut shape: Value, header: Option<&Header>, footer: Option<&str>) -> Value {
    if let Some(parts) = shape.as_object_mut() {
        if let Some(header) = header {
            parts.insert("header".to_owned(), above(header));
        }
        if let Some(footer) = footer {
            parts.insert("footer".to_owned(), footer.into());
        }
    }
    shape
}

fn above(header: &Header) -> Value {
    match header {
        Header::Text { text } => json!({"type": "text", "text": text}),
        Header::Image(media) => medium("image", media),
        Header::Video(media) => medium("video", media),
        Header::Document(media) => medium("document", media),
    }
}

fn medium(kind: &str, media: &Media) -> Value {
    let stored = || media.file_id.as_ref().map(|id| format!("/api/files/{id}"));
    let parts = [
        ("url", media.url.clone().or_else(stored).map(Value::from)),
        ("mime_type", media.mime_type.clone().map(Value::from)),
        ("filename", media.filename.clone().map(Value::from)),
        ("size", media.size.map(Value::from)),
        ("caption", media.caption.clone().map(Value::from)),
    ];
    let mut shape = json!({"type": kind});
    if let Some(known) = shape.as_object_mut() {
        known.extend(parts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    }
    shape
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{VisibleMessage, client_id};
    use crate::domain::messages::Message;

    fn message(more: Value) -> Message {
        let mut shape = json!({
            "id": "m1", "seq": 7, "direction": "outbound", "author": {"kind": "human", "id": "SECRET", "name": "Kim"},
            "content": {"type": "text", "text": "Hello", "preview_url": true}, "body": "Hello", "attachments": [],
            "status": "sent", "provider_id": "SECRET", "provider_timestamp": 1, "created_at": 2,
        });
        let parts = shape.as_object_mut().unwrap();
        parts.extend(more.as_object().unwrap().clone());
        serde_json::from_value(shape).unwrap()
    }

    #[test]
    fn nothing_internal_is_visible() {
        let secret = json!({"id": "SECRET", "sha256": "SECRET", "url": "https://example.com/a.png"});
        for (more, expected) in [
            (json!({}), json!({"type": "text", "text": "Hello"})),
            (json!({"content": {"type": "unsupported", "raw": {"a": "SECRET"}}}), json!({"type": "unsupported"})),
            (
                json!({"content": {"type": "image", "id": "SECRET", "sha256": "SECRET", "file_id": "f1"}}),
                json!({"type": "image", "url": "/api/files/f1"}),
            ),
            (
                json!({"content": {"type": "buttons", "text": "?", "buttons": [{"id": "1", "title": "One"}],
                    "header": {"type": "image", "id": "SECRET", "url": secret["url"]}}}),
                json!({"type": "buttons", "text": "?", "buttons": [{"id": "1", "title": "One"}],
                    "header": {"type": "image", "url": "https://example.com/a.png"}}),
            ),
            (
                json!({"content": {"type": "contacts", "contacts": [{"phone": "SECRET"}]}}),
                json!({"type": "text", "text": "Hello"}),
            ),
            (
                json!({"status": "failed", "error": {"code": "SECRET", "message": "SECRET", "vendor_code": "SECRET"}}),
                json!({"type": "text", "text": "Hello"}),
            ),
            (json!({"deleted_at": 3, "body": "SECRET"}), json!({"type": "unsupported"})),
            (
                json!({"attachments": [{"kind": "image", "state": "failed", "error": "SECRET"}]}),
                json!({"type": "text", "text": "Hello"}),
            ),
        ] {
            let message = message(more);
            let shown = serde_json::to_value(VisibleMessage::of(&message)).unwrap();
            assert!(!shown.to_string().contains("SECRET"), "{shown}");
            assert_eq!(shown["content"], expected);
            assert_eq!(shown["author"], json!({"kind": "human", "name": "Kim"}));
        }
    }

    #[test]
    fn a_visitor_finds_their_own_id_again() {
        let own = message(json!({"direction": "inbound", "provider_id": "v1:abc", "status": "received"}));
        assert_eq!(client_id(&own, "v1"), Some("abc"));
        assert_eq!(client_id(&own, "v2"), None);
        assert_eq!(client_id(&message(json!({"provider_id": "v1:abc"})), "v1"), None);
        assert_eq!(serde_json::to_value(VisibleMessage::of(&own)).unwrap()["status"], "sent");
    }
}
