//! Mailgun's routes and webhooks: the provider's fields to a [`Letter`] or to news. It judges no content.

use serde_json::Value;

use super::names::{self, filename};
use super::{decoding, json, letters, mime, news, parsed};
use crate::contract::inbound::Parsed;
use crate::email::form::Form;
use crate::email::letter::{Envelope, Letter, Part};
use crate::email::verify::Verified;
use crate::email::{Settings, wire};

/// Reads a delivery: a form is a mail, JSON is news.
pub(super) fn read(settings: &Settings, verified: &Verified<'_>) -> Result<Parsed, String> {
    if verified.is_json() {
        let body = json(verified.body())?;
        let data = body.get("event-data").filter(|data| data.is_object()).ok_or("no event-data in it")?;
        let (events, ignored) = news::all(settings, std::iter::once(("event-data".to_owned(), wire::mailgun(data))));
        return Ok(parsed(settings, events, ignored));
    }
    let form = Form::read(verified.content_type(), verified.body())?;
    let to = form.text("recipient").unwrap_or_default();
    let envelope = Envelope { from: form.text("sender"), to: to.split(',').filter_map(names::address).collect() };
    let letter = match form.bytes("body-mime") {
        Some(raw) => mime::letter(raw, envelope)?,
        None => fields(&form, envelope)?,
    };
    Ok(letters::events(settings, letter))
}

fn fields(form: &Form<'_>, envelope: Envelope) -> Result<Letter, String> {
    let headers: Value = form.bytes("message-headers").map(json).transpose()?.unwrap_or_default();
    let pair = |header: &Value| Some((header.get(0)?.as_str()?.to_owned(), header.get(1)?.as_str()?.to_owned()));
    let mut pairs: Vec<(String, String)> = headers.as_array().into_iter().flatten().filter_map(pair).collect();
    for (name, field) in [("From", "from"), ("Subject", "subject")] {
        let known = pairs.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        pairs.extend(form.text(field).filter(|_| !known).map(|value| (name.to_owned(), value)));
    }
    if pairs.is_empty() {
        return Err("the form holds no mail".to_owned());
    }
    let body = |name: &str| form.text(name).map(|text| decoding::clean(&text));
    let letter = Letter {
        envelope,
        text: body("body-plain").map(|text| names::cut(&text, mime::MOST_TEXT)),
        html: body("body-html").map(|html| names::cut(&html, mime::MOST_TEXT)),
        parts: parts(form),
        ..mime::headers(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    };
    Ok(letter.named_by_content())
}

fn parts(form: &Form<'_>) -> Vec<Part> {
    let ids: Value = form.bytes("content-id-map").and_then(|map| json(map).ok()).unwrap_or_default();
    let id_of = |field: &str| {
        let mut pairs = ids.as_object().into_iter().flatten();
        pairs.find(|(_, name)| name.as_str() == Some(field)).map(|(id, _)| id.trim_matches(['<', '>']).to_owned())
    };
    let part = |(index, file): (usize, &crate::email::form::Field<'_>)| Part {
        id: format!("part:{}", index + 1),
        mime_type: names::mime_type(file.content_type.as_deref()),
        filename: file.filename.as_deref().and_then(filename),
        content_id: id_of(&file.name),
        bytes: file.value.to_vec(),
    };
    form.files().take(mime::MOST_FILES).enumerate().map(part).collect()
}
