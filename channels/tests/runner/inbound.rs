//! Every body the vendor is known to send: what it holds by the list, what we make of it in full, and what nobody
//! writes down.

use serde_json::{Value, json};
use switchboard_channels::contract::credentials::Secret;
use switchboard_channels::contract::inbound::{Arrival, Event, Handover, Message, Parsed, Watermark};
use switchboard_channels::contract::peer::{Identity, IdentityKind};
use switchboard_channels::whatsapp::{parse, verify};

use crate::fixtures::{APP_SECRET, bodies, bytes, folder, json, receive, sign};

fn known() -> Vec<String> {
    [bodies("inbound"), bodies("status")].concat()
}

#[test]
fn bodies_hold_what_is_listed() {
    let expected = json("expected.json");
    for name in known() {
        let parsed = receive(&bytes(&name)).unwrap();
        let listed = expected["files"][&name].as_array().unwrap_or_else(|| panic!("{name} is not listed"));
        let mut events = parsed.events.iter().filter(|arrival| !is_call_note(arrival));
        for wanted in listed {
            if wanted["status"] == "deferred" {
                assert!(parsed.ignored.iter().any(|ignored| ignored.reason.contains("deferred")), "{name}: {parsed:?}");
                continue;
            }
            let arrival = events.next().unwrap_or_else(|| panic!("{name}: too few events for {wanted}"));
            check(&name, wanted, arrival);
        }
        assert_eq!(events.next(), None, "{name}: more events than listed");
    }
}

/// The note of a person's call stands beside the notice that is listed.
fn is_call_note(arrival: &Arrival) -> bool {
    matches!(&arrival.event, Event::Message(message) if message.id.starts_with("wacid."))
}

fn check(name: &str, wanted: &Value, arrival: &Arrival) {
    let about = format!("{name}: {wanted} against {arrival:?}");
    assert_eq!(arrival.business.as_deref(), wanted["waba"].as_str(), "{about}");
    assert_eq!(arrival.account.as_deref(), wanted["phone_number_id"].as_str(), "{about}");
    let at = wanted["at"].as_i64().map(|seconds| seconds * 1_000);
    let id = wanted["id"].as_str().unwrap_or_default();
    match (wanted["kind"].as_str().unwrap(), &arrival.event) {
        ("message" | "reaction" | "opened", Event::Message(message)) => {
            assert_eq!((message.id.as_str(), message.at), (id, at), "{about}");
            sender(wanted, message, &about);
            check_message(wanted, message, &about);
        }
        ("edit", Event::Edit(edit)) => {
            assert_eq!((edit.id.as_str(), edit.at, edit.ours), (id, at, false), "{about}");
            assert_eq!(Some(edit.target.as_str()), wanted["target"].as_str(), "{about}");
        }
        ("delete", Event::Deletion(deletion)) => {
            assert_eq!((deletion.id.as_str(), deletion.at, deletion.ours), (id, at, false), "{about}");
            assert_eq!(Some(deletion.target.as_str()), wanted["target"].as_str(), "{about}");
        }
        ("echo", Event::Echo(message)) => {
            assert_eq!((message.id.as_str(), message.at), (id, at), "{about}");
            assert!(!message.wants_answer && !message.opens_window, "{about}");
            holds(&message.peer.identities, IdentityKind::Phone, &wanted["to"], &about);
        }
        ("echo", Event::Edit(edit)) => assert!(edit.id == id && edit.ours && !edit.opens_window, "{about}"),
        ("echo", Event::Deletion(deletion)) => assert!(deletion.id == id && deletion.ours, "{about}"),
        ("system", Event::Identity(change)) => {
            assert_eq!((change.id.as_deref(), change.at), (Some(id), at), "{about}");
        }
        ("status", Event::Receipt(receipt)) => {
            assert_eq!((receipt.id.as_str(), receipt.at), (id, at), "{about}");
            assert_eq!(json!(receipt.progress), wanted["status"], "{about}");
            let group = wanted["recipient"].as_str().is_some_and(|recipient| recipient.contains('@'));
            let kind = if group { IdentityKind::Group } else { IdentityKind::Phone };
            holds(&receipt.recipient, kind, &wanted["recipient"], &about);
            holds(&receipt.recipient, IdentityKind::UserId, &wanted["recipient_user_id"], &about);
            let codes: Vec<Value> = receipt
                .failures
                .iter()
                .map(|failure| failure.vendor_code.as_deref().unwrap().parse().unwrap())
                .collect();
            assert_eq!(json!(codes), wanted.get("error_codes").cloned().unwrap_or(json!([])), "{about}");
        }
        ("history", Event::History(notice)) => assert_eq!(notice.kind, "history", "{about}"),
        ("account_error", Event::Account(notice)) => {
            let codes: Vec<&Value> = notice.detail.as_array().unwrap().iter().map(|error| &error["code"]).collect();
            assert_eq!(json!(codes), wanted["error_codes"], "{about}");
        }
        ("account_event", Event::Account(notice)) => {
            let mislabelled = name.ends_with("template-quality-update.json");
            assert!(mislabelled || Some(notice.kind.as_str()) == wanted["field"].as_str(), "{about}");
        }
        ("account_event", Event::Identity(_)) => assert_eq!(wanted["field"], "user_id_update", "{about}"),
        ("account_event", Event::Consent(_)) => assert_eq!(wanted["field"], "user_preferences", "{about}"),
        _ => panic!("another kind of event: {about}"),
    }
}

fn check_message(wanted: &Value, message: &Message, about: &str) {
    let content = json!(message.content);
    let reaction = wanted["kind"] == "reaction";
    let opened = wanted["kind"] == "opened";
    assert_eq!(message.wants_answer, !reaction && !opened, "{about}");
    assert_eq!(message.opens_window, !opened, "{about}");
    if reaction {
        assert_eq!(content["type"], "reaction", "{about}");
        assert_eq!((&content["target"], &content["emoji"]), (&wanted["target"], &wanted["emoji"]), "{about}");
    }
    assert_eq!(content["type"] == "unsupported", wanted["unsupported"] == true, "{about}");
    assert_eq!(message.reply_to.as_deref(), wanted["reply_to"].as_str(), "{about}");
    assert_eq!(message.forwarded, wanted["forwarded"] == true, "{about}");
    assert!(message.referral.is_some() || wanted["referral"] != true, "{about}");
}

fn sender(wanted: &Value, message: &Message, about: &str) {
    let peer = &message.peer;
    if let Some(group) = wanted["group_id"].as_str() {
        assert_eq!(peer.identities, [Identity::new(IdentityKind::Group, group)], "{about}");
    }
    let keys = if wanted["group_id"].is_string() { &peer.participant } else { &peer.identities };
    holds(keys, IdentityKind::Phone, &wanted["sender_phone"], about);
    holds(keys, IdentityKind::UserId, &wanted["sender_user_id"], about);
}

fn holds(identities: &[Identity], kind: IdentityKind, value: &Value, about: &str) {
    if let Some(value) = value.as_str() {
        assert!(identities.contains(&Identity::new(kind, value)), "no {kind:?} {value}: {about}");
    }
}

#[test]
fn bodies_become_exactly_these_events() {
    let mut differing = Vec::new();
    for name in known() {
        let parsed = receive(&bytes(&name)).unwrap();
        let path = name.replace(".json", ".events.json");
        let whole = json!({ "events": parsed.events, "ignored": parsed.ignored });
        let kept = if folder(&path).exists() { json(&path) } else { Value::Null };
        if kept != whole {
            differing.push(format!("{path} should hold:\n{}", serde_json::to_string_pretty(&whole).unwrap()));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn what_nobody_writes_down() {
    let secret = Secret::new(APP_SECRET);
    for name in known() {
        let body = bytes(&name);
        let parsed = receive(&body).unwrap();
        assert!(parsed.events.len() + parsed.ignored.len() >= elements(&body), "{name}: something disappeared");
        assert_eq!(receive(&body).unwrap(), parsed, "{name}: read twice, it differs");
        sound(&name, &parsed);

        let wrong = sign(&body, "another-secret");
        assert!(verify::signature(Some(wrong.as_bytes()), &body, &[&secret]).is_err(), "{name}");
        assert!(verify::signature(None, &body, &[&secret]).is_err(), "{name}");

        let addressed = parse::addressed(&body);
        for arrival in &parsed.events {
            let business = arrival.business.as_ref().is_none_or(|id| addressed.business_ids.contains(id));
            let account = arrival.account.as_ref().is_none_or(|id| addressed.phone_number_ids.contains(id));
            assert!(business && account, "{name}: the peek missed {arrival:?}");
        }
    }
}

#[test]
fn a_peek_names_each_account_once_and_not_endlessly() {
    let addressed = parse::addressed(&bytes("inbound/batch-two-entries-two-accounts.json"));
    assert_eq!(addressed.phone_number_ids, ["106540352242922", "106540352242999"]);
    assert_eq!(addressed.business_ids, ["102290129340398", "102290129340999"]);
    let addressed = parse::addressed(&bytes("inbound/batch-two-changes.json"));
    assert_eq!((addressed.phone_number_ids.len(), addressed.business_ids.len()), (1, 1));
    let entries: Vec<Value> = (1..=500)
        .map(|id| json!({ "id": id, "changes": [{ "value": { "metadata": { "phone_number_id": id } } }] }))
        .collect();
    let many = parse::addressed(json!({ "entry": entries }).to_string().as_bytes());
    assert_eq!((many.phone_number_ids.len(), many.business_ids.len()), (64, 64));
    for body in [&b""[..], b"{", b"[]", b"\xff", br#"{"entry":{}}"#, br#"{"entry":[1,{"id":{},"changes":7}]}"#] {
        assert_eq!(parse::addressed(body), parse::Addressed::default());
    }
}

/// How many messages, statuses and other changes a body holds.
fn elements(body: &[u8]) -> usize {
    let body: Value = serde_json::from_slice(body).unwrap();
    let mut count = 0;
    for entry in body["entry"].as_array().unwrap() {
        for change in entry["changes"].as_array().unwrap() {
            let lists = ["messages", "statuses", "message_echoes", "user_id_update", "user_preferences"];
            let inside: usize = lists.iter().filter_map(|list| change["value"][list].as_array()).map(Vec::len).sum();
            count += if change["field"] == "history" { 1 } else { inside.max(1) };
        }
    }
    count
}

/// What holds for whatever was read.
pub(crate) fn sound(name: &str, parsed: &Parsed) {
    for ignored in &parsed.ignored {
        assert!(!ignored.path.is_empty() && !ignored.reason.is_empty(), "{name}: {ignored:?}");
    }
    for arrival in &parsed.events {
        let about = format!("{name}: {arrival:?}");
        let id = match &arrival.event {
            Event::Message(message) | Event::Echo(message) => {
                assert!(!message.content.plain().trim().is_empty(), "{about}");
                assert!(!message.peer.identities.is_empty(), "{about}");
                let name = message.peer.name.as_deref().unwrap_or("a name");
                assert!(!name.is_empty() && name.chars().count() <= 256, "{about}");
                Some(&message.id)
            }
            Event::Receipt(receipt) => Some(&receipt.id),
            Event::Edit(edit) => {
                assert!(!edit.content.plain().trim().is_empty(), "{about}");
                Some(&edit.id)
            }
            Event::Deletion(deletion) => Some(&deletion.id),
            Event::Watermark(Watermark { peer, .. }) | Event::Handover(Handover { peer, .. }) => {
                assert!(!peer.identities.is_empty(), "{about}");
                None
            }
            Event::Identity(_) | Event::Consent(_) | Event::Unreachable(_) | Event::History(_) | Event::Account(_) => {
                None
            }
        };
        if let Some(id) = id {
            assert!(!id.is_empty() && id.chars().count() <= 512, "{about}");
            assert!(arrival.account.is_some(), "{about}");
        }
        let text = serde_json::to_string(&arrival).unwrap();
        assert!(!holds_nul(&json!(arrival)), "NUL in {about}");
        let read_again: Arrival = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {about}"));
        assert_eq!(&read_again, arrival, "{name}: written and read, it differs");
    }
}

fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(elements) => elements.iter().any(holds_nul),
        Value::Object(members) => members.iter().any(|(key, member)| key.contains('\0') || holds_nul(member)),
        _ => false,
    }
}
