//! Mail: cases of our own, and the shared corpus where it lies beside the repository.

mod corpus;
mod hostile;
mod inbound;
mod outbound;
mod properties;
mod providers;
mod settings;
mod signature;

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use switchboard_channels::contract::content::{Content, Email};
use switchboard_channels::contract::inbound::{Event, Message, Parsed};
use switchboard_channels::contract::vendor::Delivery;
use switchboard_channels::email::{Envelope, Settings, parse};

/// The moment of the signed cases, in Unix seconds.
const NOW: i64 = 1_784_196_000;

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/email").join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    fs::read(folder(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn case(name: &str) -> Value {
    serde_json::from_slice(&bytes(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The files of a folder whose names end so.
fn names(name: &str, end: &str) -> Vec<String> {
    let entries = fs::read_dir(folder(name)).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.filter(|file| file.ends_with(end)).collect();
    names.sort();
    assert!(!names.is_empty(), "no {end} in {name}");
    names
}

/// What each case's own members are laid over.
fn base() -> Value {
    json!({
        "address": "support@acme.example",
        "name": "Acme Support",
        "aliases": ["bounce@acme.example"],
        "smtp_host": "smtp.acme.example",
        "reply_secret": "reply-secret-for-tests-only",
    })
}

fn settings(members: Value) -> Settings {
    let mut all = base();
    for (name, value) in members.as_object().unwrap() {
        all[name] = value.clone();
    }
    serde_json::from_value(all).unwrap()
}

fn ours() -> Settings {
    settings(json!({}))
}

fn envelope(from: &str, to: &str) -> Envelope {
    Envelope { from: Some(from.to_owned()), to: vec![to.to_owned()] }
}

fn read(raw: &[u8], envelope: Envelope) -> Parsed {
    let parsed = parse::raw(&ours(), raw, envelope).unwrap();
    sound(&parsed);
    parsed
}

fn message(parsed: &Parsed) -> &Message {
    match &parsed.events.iter().map(|arrival| &arrival.event).collect::<Vec<_>>()[..] {
        [Event::Message(message)] => message,
        other => panic!("not one message: {other:?}, {:?}", parsed.ignored),
    }
}

fn mail(message: &Message) -> &Email {
    match &message.content {
        Content::Email(mail) => mail,
        other => panic!("not a mail: {other:?}"),
    }
}

/// The whole text of a mail.
fn whole(mail: &Email) -> &str {
    mail.full_text.as_deref().unwrap_or(&mail.text)
}

fn headers(pairs: &Value) -> Vec<(String, Vec<u8>)> {
    let pairs = pairs.as_object().unwrap().iter();
    pairs.map(|(name, value)| (name.to_lowercase(), value.as_str().unwrap().as_bytes().to_vec())).collect()
}

fn delivery<'a>(headers: &'a [(String, Vec<u8>)], body: &'a [u8], now: i64) -> Delivery<'a> {
    Delivery { url: "https://gateway.example.com/api/webhooks/email/1", headers, body, now: now * 1_000 }
}

/// A multipart form of fields and files (`filename`, `content_type`, `bytes_base64`).
fn form(fields: &Value, files: &Value) -> (Vec<(String, Vec<u8>)>, Vec<u8>) {
    use base64::Engine as _;
    let mut body = Vec::new();
    for (name, value) in fields.as_object().unwrap() {
        body.extend(format!("--xYzZY\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n").into_bytes());
        body.extend(value.as_str().unwrap().as_bytes());
        body.extend(b"\r\n");
    }
    for (name, file) in files.as_object().into_iter().flatten() {
        let (filename, kind) = (file["filename"].as_str().unwrap(), file["content_type"].as_str().unwrap());
        let head = format!(
            "--xYzZY\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{filename}\"\r\nContent-Type: {kind}\r\n\r\n"
        );
        body.extend(head.into_bytes());
        let content = file["bytes_base64"].as_str().unwrap_or("ZGVtbw==");
        body.extend(base64::engine::general_purpose::STANDARD.decode(content).unwrap());
        body.extend(b"\r\n");
    }
    body.extend(b"--xYzZY--\r\n");
    (vec![("content-type".to_owned(), b"multipart/form-data; boundary=xYzZY".to_vec())], body)
}

/// What holds of everything that is read.
fn sound(parsed: &Parsed) {
    assert!(!parsed.events.is_empty() || !parsed.ignored.is_empty(), "all of it disappeared");
    for arrival in &parsed.events {
        assert_eq!(arrival.account.as_deref(), Some("support@acme.example"));
        let text = serde_json::to_string(&arrival.event).unwrap();
        let again: Event = serde_json::from_str(&text).unwrap();
        assert_eq!(again, arrival.event, "it is not the same after the store");
        assert!(!text.contains("\\u0000"), "NUL, which no store takes");
        let Event::Message(message) = &arrival.event else { continue };
        assert!((1..=512).contains(&message.id.len()) && !message.id.contains(char::is_whitespace), "{}", message.id);
        assert_eq!(message.peer.identities.len(), 1);
        let mail = mail(message);
        assert!(!mail.text.trim().is_empty(), "a mail without words");
        if let Some(html) = &mail.html {
            safe(html);
        }
        let ids: Vec<&str> = mail.attachments.iter().map(|media| media.id.as_deref().unwrap()).collect();
        let carried: Vec<&str> = parsed.files.iter().map(|file| file.id.as_str()).collect();
        assert_eq!(ids, carried, "media without bytes, or bytes without media");
        for media in &mail.attachments {
            let name = media.filename.as_deref().unwrap_or("x");
            assert!(
                !name.contains(['/', '\\', '\n']) && !name.starts_with('.') && name.chars().count() <= 240,
                "{name}"
            );
        }
    }
}

/// What no sanitised HTML may hold.
fn safe(html: &str) {
    let lower = html.to_lowercase();
    for tag in lower.split('<').skip(1) {
        let name: String = tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
        let barred = [
            "script", "style", "iframe", "object", "embed", "form", "input", "svg", "math", "base", "meta", "link",
            "template", "noscript", "frame", "frameset", "body", "html", "head", "title", "textarea",
        ];
        assert!(!barred.contains(&name.as_str()), "<{name}> in {html}");
        let inner = tag.split_once('>').map_or(tag, |(inner, _)| inner);
        // Names and values take turns between the quotes, as the sanitiser quotes every value and escapes those within.
        let pieces: Vec<&str> = inner.split('"').collect();
        for pair in pieces.chunks(2) {
            let attribute = pair[0].trim().trim_end_matches('=').rsplit(' ').next().unwrap();
            assert!(!attribute.starts_with("on"), "{attribute} in {html}");
            assert!(
                attribute != "style" && attribute != "srcset" && attribute != "background",
                "{attribute} in {html}"
            );
            if let (true, Some(value)) = (attribute == "href" || attribute == "src", pair.get(1)) {
                let schemed =
                    ["http://", "https://", "mailto:", "tel:", "cid:"].iter().any(|scheme| value.starts_with(scheme));
                assert!(schemed, "{value} in {html}");
            }
        }
    }
}
