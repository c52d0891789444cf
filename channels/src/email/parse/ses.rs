//! Amazon SES by SNS: the notification's message to a `Letter`, to news, or to a notice about the subscription.

use serde_json::{Value, json as object};

use super::{decoding, json, letters, mime, names, news, parsed};
use crate::contract::inbound::{Event, Notice, Parsed};
use crate::email::Settings;
use crate::email::letter::Envelope;
use crate::email::verify::{self, Verified};
use crate::email::wire::{self, list, text};

/// Reads a delivery.
pub(super) fn read(settings: &Settings, verified: &Verified<'_>) -> Result<Parsed, String> {
    let body = json(verified.body())?;
    match text(&body, "/Type").as_deref() {
        Some("Notification") => notification(settings, &body),
        Some(kind @ ("SubscriptionConfirmation" | "UnsubscribeConfirmation")) => subscription(settings, &body, kind),
        _ => Err("not a notification".to_owned()),
    }
}

/// The address to visit is handed on; whoever visits it confirms the subscription.
fn subscription(settings: &Settings, body: &Value, kind: &str) -> Result<Parsed, String> {
    let url =
        text(body, "/SubscribeURL").filter(|url| verify::is_notifier(url)).ok_or("its address is not the vendor's")?;
    let kind =
        if kind == "SubscriptionConfirmation" { "subscription_confirmation" } else { "unsubscribe_confirmation" };
    let detail = object!({ "topic_arn": text(body, "/TopicArn"), "subscribe_url": url });
    Ok(parsed(settings, vec![notice(kind, detail)], Vec::new()))
}

fn notice(kind: &str, detail: Value) -> Event {
    Event::Account(Notice { kind: kind.to_owned(), detail, alarming: false })
}

fn notification(settings: &Settings, body: &Value) -> Result<Parsed, String> {
    let passed = |reason: &str| Ok(parsed(settings, Vec::new(), vec![("Message".to_owned(), reason.to_owned())]));
    let Ok(message) = json(text(body, "/Message").unwrap_or_default().as_bytes()) else {
        return passed("words, not a report");
    };
    if text(&message, "/notificationType").as_deref() != Some("Received") {
        let reports = wire::ses(&message).into_iter().enumerate();
        let (events, ignored) =
            news::all(settings, reports.map(|(index, news)| (format!("Message.recipients[{index}]"), news)));
        if events.is_empty() && ignored.is_empty() {
            return passed("a report about nobody");
        }
        return Ok(parsed(settings, events, ignored));
    }
    if text(&message, "/receipt/virusVerdict/status").as_deref() == Some("FAIL") {
        return passed("the provider found a virus in it");
    }
    let Some(content) = text(&message, "/content") else {
        let detail = object!({
            "message_id": text(&message, "/mail/messageId"),
            "bucket": text(&message, "/receipt/action/bucketName"),
            "key": text(&message, "/receipt/action/objectKey"),
        });
        return Ok(parsed(settings, vec![notice("mail_without_content", detail)], Vec::new()));
    };
    let encoded =
        text(&message, "/receipt/action/encoding").is_some_and(|encoding| encoding.eq_ignore_ascii_case("base64"));
    let raw = if encoded { decoding::base64(content.as_bytes()) } else { content.into_bytes() };
    let envelope = Envelope {
        from: message.pointer("/mail/source").and_then(Value::as_str).map(str::to_owned),
        to: list(&message, "/receipt/recipients").iter().filter_map(Value::as_str).filter_map(names::address).collect(),
    };
    let mut letter = mime::letter(&raw, envelope)?;
    letter.vouched = match text(&message, "/receipt/dmarcVerdict/status").as_deref() {
        Some("PASS") => Some(true),
        Some("FAIL") => Some(false),
        _ => None,
    };
    Ok(letters::events(settings, letter))
}
