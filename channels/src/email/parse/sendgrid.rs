//! `SendGrid`'s Inbound Parse and Event Webhook: the provider's fields to a [`Letter`] or to news. Each text field has
//! a charset of its own.

use serde_json::Value;

use super::names::{self, filename};
use super::{authenticity, decoding, json, letters, mime, news, parsed};
use crate::contract::inbound::Parsed;
use crate::email::form::{Field, Form};
use crate::email::letter::{Envelope, Letter, Part};
use crate::email::verify::Verified;
use crate::email::{Settings, wire};

/// Reads a delivery: a form is a mail, JSON is news.
pub(super) fn read(settings: &Settings, verified: &Verified<'_>) -> Result<Parsed, String> {
    if verified.is_json() {
        let body = json(verified.body())?;
        let events = body.as_array().ok_or("not a list of events")?;
        let reports = events.iter().enumerate().map(|(index, event)| (format!("[{index}]"), wire::sendgrid(event)));
        let (events, ignored) = news::all(settings, reports);
        return Ok(parsed(settings, events, ignored));
    }
    let form = Form::read(verified.content_type(), verified.body())?;
    let envelope = envelope(&form);
    let mut letter = match form.bytes("email") {
        Some(raw) => mime::letter(raw, envelope)?,
        None => fields(&form, envelope)?,
    };
    letter.vouched = vouched(&form, &letter);
    Ok(letters::events(settings, letter))
}

fn envelope(form: &Form<'_>) -> Envelope {
    let told: Value = form.bytes("envelope").and_then(|told| json(told).ok()).unwrap_or_default();
    let to = told.get("to").and_then(Value::as_array).into_iter().flatten();
    Envelope {
        from: told.get("from").and_then(Value::as_str).map(str::to_owned),
        to: to.filter_map(Value::as_str).filter_map(names::address).collect(),
    }
}

fn fields(form: &Form<'_>, envelope: Envelope) -> Result<Letter, String> {
    let charsets: Value = form.bytes("charsets").and_then(|charsets| json(charsets).ok()).unwrap_or_default();
    let text = |name: &str| {
        let label = charsets.get(name).and_then(Value::as_str);
        form.bytes(name).map(|bytes| decoding::text(bytes, label))
    };
    let headers = match form.bytes("headers") {
        Some(block) => mime::header_block(block),
        None => {
            let known = ["from", "to", "cc", "subject"].map(|name| (name, text(name).unwrap_or_default()));
            mime::headers(
                known.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (*name, value.as_str())),
            )
        }
    };
    if headers.headers.is_empty() {
        return Err("the form holds no mail".to_owned());
    }
    let letter = Letter {
        envelope,
        text: text("text").map(|text| names::cut(&text, mime::MOST_TEXT)),
        html: text("html").map(|html| names::cut(&html, mime::MOST_TEXT)),
        parts: parts(form),
        ..headers
    };
    Ok(letter.named_by_content())
}

fn parts(form: &Form<'_>) -> Vec<Part> {
    let told: Value = form.bytes("attachment-info").and_then(|told| json(told).ok()).unwrap_or_default();
    let part = |(index, file): (usize, &Field<'_>)| {
        let about = |name: &str| told.get(&file.name).and_then(|about| about.get(name)).and_then(Value::as_str);
        Part {
            id: format!("part:{}", index + 1),
            mime_type: names::mime_type(about("type").or(file.content_type.as_deref())),
            filename: about("filename").or(file.filename.as_deref()).and_then(filename),
            content_id: about("content-id").map(|id| id.trim_matches(['<', '>']).to_owned()),
            bytes: file.value.to_vec(),
        }
    };
    form.files().take(mime::MOST_FILES).enumerate().map(part).collect()
}

/// The provider's judgement: `{@customer.example : pass}` and the result of SPF, as far as they speak for the sender.
fn vouched(form: &Form<'_>, letter: &Letter) -> Option<bool> {
    let sender = letter.sender()?;
    let domain = sender.rsplit_once('@')?.1;
    let signatures = form.text("dkim").unwrap_or_default().to_ascii_lowercase();
    let signatures = signatures.trim_matches(['{', '}', ' ']).split(',').filter_map(|one| one.split_once(" : "));
    let signed = signatures
        .clone()
        .any(|(signer, result)| result.trim() == "pass" && authenticity::is_aligned(signer.trim(), domain));
    let spf = form.text("SPF").unwrap_or_default().to_ascii_lowercase();
    let sent =
        spf == "pass" && letter.envelope.from.as_deref().is_some_and(|from| authenticity::is_aligned(from, domain));
    if signed || sent {
        return Some(true);
    }
    let failed = spf == "fail" || signatures.into_iter().any(|(_, result)| result.trim() == "fail");
    failed.then_some(false)
}
