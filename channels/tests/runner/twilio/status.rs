//! Status callbacks: sequences as they arrive, and what they make of a message.

use serde_json::{Value, json};
use switchboard_channels::contract::inbound::{Event, Progress, Receipt};

use super::fixtures::{URL, addressee, json, receive};

fn receipts(url: &str, body: &str) -> Vec<Event> {
    let parsed = receive(&addressee(body.as_bytes()), url, body.as_bytes()).unwrap();
    assert!(!parsed.events.is_empty() || !parsed.ignored.is_empty(), "{body} disappeared");
    for arrival in &parsed.events {
        assert!(arrival.account.is_some(), "{arrival:?}");
    }
    parsed.events.into_iter().map(|arrival| arrival.event).collect()
}

/// Forward only, and a failure beats nothing but `sent`.
fn advance(known: &mut Option<Receipt>, news: Receipt) {
    let wins = match known.as_ref().map(|known| known.progress) {
        None => true,
        Some(Progress::Failed) => false,
        Some(progress) if news.progress == Progress::Failed => progress == Progress::Sent,
        Some(progress) => news.progress > progress,
    };
    if wins {
        *known = Some(news);
    }
}

#[test]
fn sequences_end_where_they_must() {
    let sequences = json("status/sequences.json");
    let sequences = sequences.as_object().unwrap().values().find_map(Value::as_array).unwrap();
    assert_eq!(sequences.len(), 12);
    for case in sequences {
        let name = case["name"].as_str().unwrap();
        let mut known = None;
        for body in case["bodies"].as_array().unwrap() {
            for event in receipts(URL, body.as_str().unwrap()) {
                if let Event::Receipt(receipt) = event {
                    assert_eq!(receipt.progress == Progress::Failed, !receipt.failures.is_empty(), "{name}");
                    assert!(!receipt.recipient.is_empty(), "{name}");
                    advance(&mut known, *receipt);
                }
            }
        }
        let known: Receipt = known.unwrap();
        let progress = match case["final_status"].as_str().unwrap() {
            "undelivered" | "failed" | "canceled" => json!("failed"),
            word => json!(word),
        };
        assert_eq!(json!(known.progress), progress, "{name}");
        let code = known.failures.first().and_then(|failure| failure.vendor_code.clone());
        assert_eq!(code, case["error_code"].as_i64().map(|code| code.to_string()), "{name}");
    }
}

#[test]
fn a_callback_names_our_message() {
    let url = format!("{URL}/018f?message_id=0190c7f2-0000-7000-8000-00000000000a");
    let body = "MessageSid=SM1&MessageStatus=queued&AccountSid=AC00000000000000000000000000000001&From=%2B18005550000";
    let parsed = receive(&addressee(body.as_bytes()), &url, body.as_bytes()).unwrap();
    // The number is one of a service's: our own id in the address proves whose message it is.
    assert_eq!(parsed.events[0].account.as_deref(), Some("+15005550006"));
    let Event::Receipt(receipt) = &parsed.events[0].event else { panic!("{parsed:?}") };
    assert_eq!(receipt.tracking.as_deref(), Some("0190c7f2-0000-7000-8000-00000000000a"));
    assert_eq!(receipt.progress, Progress::Sent);
}

#[test]
fn an_opted_out_recipient_is_remembered() {
    let body = "MessageSid=SM1&MessageStatus=failed&ErrorCode=21610&From=%2B15005550006&To=%2B14155550100";
    let events = receipts(URL, body);
    let Event::Consent(consent) = &events[1] else { panic!("{events:?}") };
    assert!(!consent.granted);
    assert_eq!(json!(consent.peer.identities), json!([{ "kind": "phone", "value": "14155550100" }]));
    let unreachable = body.replace("21610", "30003");
    assert_eq!(receipts(URL, &unreachable).len(), 1);
}

#[test]
fn failures_say_why() {
    let failure = |fields: &str| match &receipts(URL, &format!("MessageSid=SM1&From=%2B15005550006&{fields}"))[0] {
        Event::Receipt(receipt) => receipt.failures[0].clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(failure("MessageStatus=canceled").code, "CANCELED_AT_VENDOR");
    let window = failure("MessageStatus=undelivered&ErrorCode=63016&ChannelStatusMessage=too+late");
    assert_eq!((window.code.as_str(), window.vendor_message.as_deref()), ("WINDOW_CLOSED", Some("too late")));
    let silent = failure("MessageStatus=failed&ErrorCode=&ErrorMessage=odd");
    assert_eq!((silent.code.as_str(), silent.vendor_message.as_deref()), ("VENDOR_REFUSED", Some("odd")));
}
