//! A message of ours to a mail, as data. Every header's value is one line; what would break out of it is refused.

mod content;
mod page;

use super::parse::base_subject;
use super::tokens::{self, Purpose};
use super::{Provider, Settings, is_address, wire};
use crate::contract::content::Content;
use crate::contract::failure::Failure;
use crate::contract::mail::{Mail, Mailbox};
use crate::contract::outbound::Outbound;
use crate::contract::peer::IdentityKind;
use content::Composed;

/// Longest text of a mail, in characters.
pub(super) const LONGEST_TEXT: usize = 500_000;
/// Largest file: with the third that encoding adds, what the smallest of the large mail systems takes.
pub(super) const MOST_FILE_BYTES: u64 = 18 * 1024 * 1024;
/// Longest subject, in characters.
const LONGEST_SUBJECT: usize = 500;
/// Most ids in `References`; the first and the last are kept.
const MOST_REFERENCES: usize = 20;

/// Renders a message.
///
/// # Errors
/// `INVALID_CONTENT` and `MESSAGE_TOO_LONG`, naming the field; nothing was sent.
pub fn message(settings: &Settings, outbound: &Outbound<'_>) -> Result<Mail, Failure> {
    let composed = content::compose(outbound.content)?;
    if composed.text.chars().count() > LONGEST_TEXT {
        let message = format!("The text has more than {LONGEST_TEXT} characters, the most that a mail carries here.");
        return Err(Failure::content("MESSAGE_TOO_LONG", message));
    }
    let references = references(outbound);
    let ours = |address: String| Mailbox { name: settings.name.clone(), address };
    let reply_to = tokens::address(settings, Purpose::Reply, outbound.conversation_id);
    let (text, html) = marked(settings.reply_marker.as_deref(), &composed);
    Ok(Mail {
        relay: settings.relay(),
        envelope_from: tokens::address(settings, Purpose::Bounce, outbound.id)
            .unwrap_or_else(|| settings.address.clone()),
        from: ours(settings.address.clone()),
        to: Mailbox { name: None, address: recipient(outbound)? },
        reply_to: reply_to.map(ours),
        subject: subject(settings, outbound, composed.subject.as_deref())?,
        message_id: tokens::message_id(settings, outbound.id),
        in_reply_to: references.last().cloned(),
        headers: headers(settings, outbound, &composed, references.is_empty()),
        references,
        text,
        html,
        files: composed.files,
    })
}

/// Where the person wants answers, else the address that they are known by.
fn recipient(outbound: &Outbound<'_>) -> Result<String, Failure> {
    let wanted = outbound.thread.and_then(|thread| thread.reply_address.clone());
    let known = || {
        outbound.to.iter().find(|identity| identity.kind == IdentityKind::Email).map(|identity| identity.value.clone())
    };
    wanted.or_else(known).filter(|address| is_address(address)).ok_or_else(|| invalid("to", "names no mail address"))
}

/// The ids before this message, oldest first.
fn references(outbound: &Outbound<'_>) -> Vec<String> {
    let before = outbound.thread.map(|thread| thread.references.as_slice()).unwrap_or_default();
    let mut ids: Vec<String> = before.iter().rev().filter(|id| is_id(id)).cloned().collect();
    if let Some(answered) = outbound.reply_to.filter(|id| is_id(id)) {
        ids.retain(|id| id != answered);
        ids.push(answered.to_owned());
    }
    let beyond = ids.len().saturating_sub(MOST_REFERENCES);
    if beyond > 0 {
        ids.drain(1..=beyond);
    }
    ids
}

fn is_id(id: &str) -> bool {
    id.contains('@')
        && id.len() <= 512
        && id.chars().all(|character| character.is_ascii_graphic() && !"<>".contains(character))
}

fn subject(settings: &Settings, outbound: &Outbound<'_>, given: Option<&str>) -> Result<String, Failure> {
    let continued = outbound.thread.and_then(|thread| thread.subject.as_deref()).map(base_subject);
    let subject = match (given, continued.filter(|base| !base.is_empty())) {
        (Some(given), _) => line("subject", given)?,
        (None, Some(base)) => format!("Re: {}", without_control(&base)),
        (None, None) => format!("Message from {}", settings.name.as_deref().unwrap_or(&settings.address)),
    };
    if given.is_some() && subject.chars().count() > LONGEST_SUBJECT {
        let message = format!("subject has more than {LONGEST_SUBJECT} characters.");
        return Err(Failure::content("MESSAGE_TOO_LONG", message));
    }
    Ok(subject.chars().take(LONGEST_SUBJECT).collect())
}

fn without_control(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).collect()
}

/// A header's value; a line end in it could begin another header.
fn line(field: &str, text: &str) -> Result<String, Failure> {
    if text.chars().any(|character| character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')) {
        return Err(invalid(field, "must be one line without control characters"));
    }
    if text.trim().is_empty() {
        return Err(invalid(field, "must not be empty"));
    }
    Ok(text.trim().to_owned())
}

fn invalid(field: &str, problem: &str) -> Failure {
    Failure::content("INVALID_CONTENT", format!("{field} {problem}."))
}

/// Both parts with the line above which people are asked to answer.
fn marked(marker: Option<&str>, composed: &Composed) -> (String, Option<String>) {
    let Some(marker) = marker else { return (composed.text.clone(), composed.html.clone()) };
    let html = composed.html.as_ref().map(|html| format!("{}{html}", page::quiet(marker)));
    (format!("{marker}\n\n{}", composed.text), html)
}

fn headers(
    settings: &Settings,
    outbound: &Outbound<'_>,
    composed: &Composed,
    first: bool,
) -> Vec<(&'static str, String)> {
    let mut headers = vec![("X-Switchboard-Loop", settings.address.clone())];
    if settings.mark_automatic {
        headers.push(("Auto-Submitted", if first { "auto-generated" } else { "auto-replied" }.to_owned()));
        headers.push(("X-Auto-Response-Suppress", "All".to_owned()));
    }
    if let Some(url) = &composed.unsubscribe {
        headers.push(("List-Unsubscribe", format!("<{url}>")));
        headers.push(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
    }
    headers.extend(tracking(settings.provider, outbound.id));
    headers
}

/// What makes the provider give our id back with its reports.
fn tracking(provider: Provider, id: &str) -> Vec<(&'static str, String)> {
    let plain = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if !plain {
        return Vec::new();
    }
    let name = wire::TRACKING;
    match provider {
        Provider::Mailgun => vec![("X-Mailgun-Variables", format!("{{\"{name}\":\"{id}\"}}"))],
        Provider::Sendgrid => vec![("X-SMTPAPI", format!("{{\"unique_args\":{{\"{name}\":\"{id}\"}}}}"))],
        Provider::Postmark => vec![("X-PM-Metadata-switchboard", id.to_owned()), ("X-PM-KeepID", "true".to_owned())],
        Provider::Ses => vec![("X-SES-MESSAGE-TAGS", format!("{name}={id}"))],
        Provider::Generic | Provider::Imap => Vec::new(),
    }
}

/// Whether a content can be sent by mail at all, without sending it.
#[must_use]
pub fn carries(content: &Content) -> bool {
    content::compose(content).is_ok()
}
