//! Postmark's inbound and message webhooks: the provider's fields to a [`Letter`] or to news. It judges no content.

use serde_json::Value;

use super::names::{self, filename};
use super::{decoding, json, letters, mime, news, parsed};
use crate::contract::inbound::Parsed;
use crate::email::Settings;
use crate::email::letter::{Envelope, Letter, Part};
use crate::email::verify::Verified;
use crate::email::wire::{self, list, text};

/// Reads a delivery.
pub(super) fn read(settings: &Settings, verified: &Verified<'_>) -> Result<Parsed, String> {
    let body = json(verified.body())?;
    if !body.is_object() {
        return Err("not a JSON object".to_owned());
    }
    if body.get("RecordType").is_some_and(|kind| kind != "Inbound") {
        let (events, ignored) = news::all(settings, std::iter::once(("RecordType".to_owned(), wire::postmark(&body))));
        return Ok(parsed(settings, events, ignored));
    }
    let first = list(&body, "/Headers").first();
    let returned =
        first.filter(|header| text(header, "/Name").is_some_and(|name| name.eq_ignore_ascii_case("return-path")));
    let envelope = Envelope {
        from: returned
            .map(|header| text(header, "/Value").unwrap_or_default().trim_matches(['<', '>', ' ']).to_owned()),
        to: text(&body, "/OriginalRecipient").as_deref().and_then(names::address).into_iter().collect(),
    };
    let letter = match text(&body, "/RawEmail") {
        Some(raw) => mime::letter(raw.as_bytes(), envelope)?,
        None => fields(&body, envelope)?,
    };
    Ok(letters::events(settings, letter))
}

fn fields(body: &Value, envelope: Envelope) -> Result<Letter, String> {
    let pair = |header: &Value| Some((text(header, "/Name")?, text(header, "/Value").unwrap_or_default()));
    let mut pairs: Vec<(String, String)> = list(body, "/Headers").iter().filter_map(pair).collect();
    let people = |pointer: &str| {
        let people: Vec<String> = list(body, pointer).iter().filter_map(person).collect();
        (!people.is_empty()).then(|| people.join(", "))
    };
    let sender = body.pointer("/FromFull").and_then(person).or_else(|| text(body, "/From"));
    let told = [
        ("From", sender),
        ("To", people("/ToFull").or_else(|| text(body, "/To"))),
        ("Cc", people("/CcFull")),
        ("Subject", text(body, "/Subject")),
        ("Date", text(body, "/Date")),
        ("Reply-To", text(body, "/ReplyTo")),
    ];
    for (name, value) in told {
        let known = pairs.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        pairs.extend(value.filter(|_| !known).map(|value| (name.to_owned(), value)));
    }
    if pairs.is_empty() {
        return Err("it holds no mail".to_owned());
    }
    let cut = |text: String| names::cut(&decoding::clean(&text), mime::MOST_TEXT);
    let letter = Letter {
        envelope,
        text: text(body, "/TextBody").map(cut),
        html: text(body, "/HtmlBody").map(cut),
        parts: list(body, "/Attachments").iter().take(mime::MOST_FILES).enumerate().map(part).collect(),
        ..mime::headers(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    };
    Ok(letter.named_by_content())
}

/// A person as a header would write them.
fn person(full: &Value) -> Option<String> {
    let address = text(full, "/Email")?;
    let name = text(full, "/Name").unwrap_or_default().replace('\\', "\\\\").replace('"', "\\\"");
    Some(if name.is_empty() { address } else { format!("\"{name}\" <{address}>") })
}

fn part((index, file): (usize, &Value)) -> Part {
    let content = text(file, "/Content").or_else(|| text(file, "/Data")).unwrap_or_default();
    Part {
        id: format!("part:{}", index + 1),
        mime_type: names::mime_type(text(file, "/ContentType").as_deref()),
        filename: text(file, "/Name").as_deref().and_then(filename),
        content_id: text(file, "/ContentID").map(|id| id.trim_matches(['<', '>']).to_owned()),
        bytes: decoding::base64(content.as_bytes()),
    }
}
