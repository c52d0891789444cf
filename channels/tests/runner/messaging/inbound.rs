//! Every body the vendor is known to send: what it holds by the list, what we make of it in full, and what nobody
//! writes down.

use serde_json::{Value, json};
use switchboard_channels::Kind;
use switchboard_channels::contract::content::Content;
use switchboard_channels::contract::inbound::{Arrival, Event, Message, Progress};
use switchboard_channels::contract::peer::{Identity, IdentityKind, Peer};

use super::{BOTH, addressees, bytes, folder, known, read_json, receive, receive_by, vendor, vendor_with};
use crate::fixtures::sign;
use crate::inbound::sound;
use switchboard_channels::contract::vendor::{Delivery, Untaken};

#[test]
fn bodies_hold_what_is_listed() {
    for kind in BOTH {
        let expected = read_json(kind, "expected.json");
        for name in known(kind) {
            let parsed = receive(kind, &bytes(kind, &name)).unwrap();
            let listed = expected["files"][&name].as_array().unwrap_or_else(|| panic!("{name} is not listed"));
            let mut events = parsed.events.iter();
            for wanted in listed {
                if matches!(wanted["kind"].as_str(), Some("checkout_update" | "game_play")) {
                    assert_eq!(parsed.ignored.len(), 1, "{name}: {parsed:?}");
                    continue;
                }
                let arrival = events.next().unwrap_or_else(|| panic!("{name}: too few events for {wanted}"));
                check(&name, wanted, arrival);
            }
            assert_eq!(events.next(), None, "{name}: more events than listed");
        }
    }
}

fn check(name: &str, wanted: &Value, arrival: &Arrival) {
    let about = format!("{name}: {wanted} against {arrival:?}");
    let word = wanted["kind"].as_str().unwrap();
    let account = if word == "echo" { &wanted["sender"] } else { &wanted["recipient"] };
    if word != "page_change" {
        assert_eq!(arrival.account.as_deref(), account.as_str(), "{about}");
    }
    let id = wanted["id"].as_str();
    let second = |at: Option<i64>| at.map(|at| at / 1_000);
    let at = wanted["at"].as_i64();
    match (word, &arrival.event) {
        ("message", Event::Message(message)) => {
            assert_eq!((Some(message.id.as_str()), second(message.at)), (id, at), "{about}");
            is_with(&message.peer, &wanted["sender"], &about);
            assert_eq!(message.wants_answer, wanted["standby"] != true, "{about}");
            assert!(message.opens_window, "{about}");
            check_message(wanted, message, &about);
        }
        ("echo", Event::Echo(message)) => {
            assert_eq!((Some(message.id.as_str()), second(message.at)), (id, at), "{about}");
            is_with(&message.peer, &wanted["recipient"], &about);
            assert!(!message.wants_answer && !message.opens_window, "{about}");
        }
        // What this very app sent comes back as news of it, never as a person's words.
        ("echo", Event::Receipt(receipt)) => {
            assert_eq!((Some(receipt.id.as_str()), second(receipt.at)), (id, at), "{about}");
            assert_eq!(receipt.progress, Progress::Sent, "{about}");
        }
        ("postback", Event::Message(message)) => {
            assert!(id.is_none_or(|id| message.id == id), "{about}");
            assert_eq!((second(message.at), message.content.kind()), (at, "choice"), "{about}");
            is_with(&message.peer, &wanted["sender"], &about);
            assert!(message.opens_window && message.wants_answer == (wanted["standby"] != true), "{about}");
        }
        ("reaction", Event::Message(message)) => {
            let content = json!(message.content);
            assert_eq!((content["target"].as_str(), second(message.at)), (id, at), "{about}");
            assert_eq!(content.get("emoji"), wanted.get("emoji"), "{about}");
            assert!(!message.wants_answer && message.opens_window == (wanted["action"] == "react"), "{about}");
        }
        ("edit", Event::Edit(edit)) => {
            assert_eq!((Some(edit.target.as_str()), second(edit.at), edit.ours), (id, at, false), "{about}");
        }
        ("edit", Event::Message(message)) => {
            assert_eq!((message.content.kind(), message.wants_answer), ("unsupported", false), "{about}");
        }
        ("delete", Event::Deletion(deletion)) => {
            assert_eq!(
                (Some(deletion.target.as_str()), second(deletion.at), deletion.ours),
                (id, at, false),
                "{about}"
            );
        }
        ("read", Event::Receipt(receipt)) => {
            assert_eq!((Some(receipt.id.as_str()), receipt.progress), (id, Progress::Read), "{about}");
        }
        ("delivery", Event::Receipt(receipt)) => assert_eq!(receipt.progress, Progress::Delivered, "{about}"),
        ("read", Event::Watermark(mark)) => assert_eq!(mark.progress, Progress::Read, "{about}"),
        ("delivery", Event::Watermark(mark)) => assert_eq!(mark.progress, Progress::Delivered, "{about}"),
        ("pass_thread_control", Event::Handover(handover)) => assert!(handover.ours, "{about}"),
        ("take_thread_control", Event::Handover(handover)) => assert!(!handover.ours, "{about}"),
        ("app_roles" | "policy_enforcement", Event::Account(notice)) => assert_eq!(notice.kind, word, "{about}"),
        ("page_change", Event::Account(notice)) => {
            assert_eq!(Some(notice.kind.as_str()), wanted["field"].as_str(), "{about}");
        }
        ("optin", Event::Consent(consent)) => assert!(consent.granted, "{about}"),
        (
            "optin" | "referral" | "account_linking" | "request_thread_control" | "response_feedback" | "unknown",
            Event::Message(note),
        ) => {
            assert!(!note.wants_answer, "{about}");
            assert_eq!(second(note.at), at, "{about}");
            assert!(word != "response_feedback" || note.reply_to.as_deref() == id, "{about}");
        }
        _ => panic!("another kind of event: {about}"),
    }
}

fn is_with(peer: &Peer, person: &Value, about: &str) {
    let first = &peer.identities[0];
    assert_eq!(Some(first.value.as_str()), person.as_str(), "{about}");
    assert!(matches!(first.kind, IdentityKind::ScopedId | IdentityKind::UserId), "{about}");
}

fn check_message(wanted: &Value, message: &Message, about: &str) {
    let kinds = wanted["attachment_types"].as_array();
    if let Content::Multipart { parts } = &message.content {
        let files = kinds
            .into_iter()
            .flatten()
            .filter(|kind| ["image", "audio", "video", "file"].map(Value::from).contains(kind));
        assert_eq!(message.content.all_media().count(), files.count(), "{about}");
        assert!(parts.len() <= kinds.map_or(0, Vec::len) + 1, "{about}");
        return;
    }
    let unknown = kinds.is_some_and(|kinds| kinds[0] == "hologram" || kinds[0] == "unsupported_type");
    assert_eq!(message.content.kind() == "unsupported", unknown || wanted["unsupported"] == true, "{about}");
    if let Some("image" | "audio" | "video") = kinds.and_then(|kinds| kinds[0].as_str())
        && message.content.kind() != "sticker"
    {
        assert_eq!(Some(message.content.kind()), kinds.unwrap()[0].as_str(), "{about}");
    }
    assert_eq!(message.reply_to.as_deref(), wanted["reply_to"].as_str(), "{about}");
    assert!(message.referral.is_some() || wanted["referral"] != true, "{about}");
    let story = message.referral.as_ref().is_some_and(|referral| referral["story"]["id"].is_string());
    assert_eq!(story, wanted["story_reply"] == true, "{about}");
}

#[test]
fn bodies_become_exactly_these_events() {
    let mut differing = Vec::new();
    for kind in BOTH {
        for name in known(kind) {
            let parsed = receive(kind, &bytes(kind, &name)).unwrap();
            let path = name.replace(".json", ".events.json");
            let whole = json!({ "events": parsed.events, "ignored": parsed.ignored });
            let kept = if folder(kind, &path).exists() { read_json(kind, &path) } else { Value::Null };
            if kept != whole {
                let wanted = serde_json::to_string_pretty(&whole).unwrap();
                differing.push(format!("{}/{path} should hold:\n{wanted}", kind.as_str()));
            }
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn what_nobody_writes_down() {
    for kind in BOTH {
        let vendor = vendor(kind);
        for name in known(kind) {
            let body = bytes(kind, &name);
            let parsed = receive_by(&*vendor, &body).unwrap();
            assert!(parsed.events.len() + parsed.ignored.len() >= elements(&body), "{name}: something disappeared");
            assert_eq!(receive_by(&*vendor, &body).unwrap(), parsed, "{name}: read twice, it differs");
            sound(&name, &parsed);
            let wrong = [("x-hub-signature-256".to_owned(), sign(&body, "another-secret").into_bytes())];
            for headers in [&wrong[..], &[]] {
                let delivery = Delivery { url: "", headers, body: &body, now: 0 };
                assert_eq!(vendor.take(&delivery), Err(Untaken::Unverified), "{name}");
                assert!(!vendor.verifies(&delivery), "{name}");
            }
            let addressed = addressees(kind, &body);
            for arrival in &parsed.events {
                let account = arrival.account.as_ref().is_none_or(|id| addressed.accounts.contains(id));
                assert!(account, "{name}: {addressed:?} lacks {arrival:?}");
            }
        }
    }
}

/// How many events and changes a body holds.
fn elements(body: &[u8]) -> usize {
    let body: Value = serde_json::from_slice(body).unwrap();
    let entries = body["entry"].as_array().unwrap().iter();
    let lists = entries.flat_map(|entry| ["messaging", "standby", "changes"].map(|list| entry[list].as_array()));
    lists.flatten().map(Vec::len).sum()
}

fn event(kind: Kind, members: &Value) -> Vec<u8> {
    let (object, account, person) = match kind {
        Kind::Instagram => ("instagram", "17841400000000001", "9240000000000001"),
        _ => ("page", "104200000000001", "7240000000000001"),
    };
    let mut event = json!({
        "sender": { "id": person }, "recipient": { "id": account }, "timestamp": 1_788_018_727_311_u64,
    });
    for (name, value) in members.as_object().unwrap() {
        event[name] = value.clone();
    }
    let body = json!({ "object": object, "entry": [{ "id": account, "time": 1, "messaging": [event] }] });
    serde_json::to_vec(&body).unwrap()
}

#[test]
fn only_words_of_others_are_a_persons() {
    let uuid = "0198c1d2-7e00-7000-8000-000000000001";
    let ours = format!("msg:{uuid}");
    let (none, own) = (json!({ "app_id": null }), json!({}));
    // App of the settings, app and mark of the echo, and what it is: ours with or without our id, or a person's.
    let cases = [
        (&own, json!(1_517_000_000_000_111_u64), json!(ours), Some(Some(uuid))),
        (&own, json!("1517000000000111"), json!(null), Some(None)),
        (&own, json!("1517000000000222"), json!(ours), None),
        (&own, json!(26_390_203_743_090_u64), json!(null), None),
        (&own, json!(null), json!(ours), Some(Some(uuid))),
        (&own, json!(null), json!(null), None),
        (&none, json!("1517000000000222"), json!(ours), Some(Some(uuid))),
        (&none, json!("1517000000000222"), json!("msg:another's mark"), None),
        (&none, json!("1517000000000222"), json!(uuid), None),
    ];
    for (settings, app_id, metadata, outcome) in cases {
        let about = format!("{settings} {app_id} {metadata}");
        let body = event(
            Kind::Messenger,
            &json!({
                "sender": { "id": "104200000000001" }, "recipient": { "id": "7240000000000001" },
                "message": { "mid": "m_1", "text": "hi", "is_echo": true, "app_id": app_id, "metadata": metadata },
            }),
        );
        let parsed = receive_by(&*vendor_with(Kind::Messenger, settings), &body).unwrap();
        match (&parsed.events[0].event, outcome) {
            (Event::Receipt(receipt), Some(tracking)) => assert_eq!(receipt.tracking.as_deref(), tracking, "{about}"),
            (Event::Echo(_), None) => {}
            (other, _) => panic!("{about}: {other:?}"),
        }
    }
}

#[test]
fn an_account_that_is_misnamed_still_gets_its_messages() {
    let message = json!({ "message": { "mid": "m_1", "text": "hi" } });
    let body = String::from_utf8(event(Kind::Instagram, &message)).unwrap();
    let misnamed =
        body.replace("\"id\":\"17841400000000001\",\"messaging\"", "\"id\":\"9240000000000001\",\"messaging\"");
    assert_ne!(body, misnamed);
    for account in ["17841400000000001", "17841400000000777"] {
        let vendor = vendor_with(Kind::Instagram, &json!({ "account_id": account }));
        let parsed = receive_by(&*vendor, misnamed.as_bytes()).unwrap();
        assert!(matches!(parsed.events[0].event, Event::Message(_)), "{parsed:?}");
        assert_eq!(parsed.events[0].account.as_deref(), Some("17841400000000001"));
    }
}

#[test]
fn the_same_event_has_the_same_id_and_another_has_another() {
    let id = |members: Value| {
        let parsed = receive(Kind::Messenger, &event(Kind::Messenger, &members)).unwrap();
        match &parsed.events[0].event {
            Event::Message(message) => message.id.clone(),
            other => panic!("{other:?}"),
        }
    };
    let react = |emoji: &str, at: u64| {
        id(json!({ "timestamp": at, "reaction": { "mid": "m_1", "action": "react", "emoji": emoji } }))
    };
    let press = |payload: &str| id(json!({ "postback": { "payload": payload } }));
    let ids = [
        react("👍", 1_788_018_727_311),
        react("👎", 1_788_018_727_311),
        react("👍", 1_788_018_727_312),
        press("A"),
        press("B"),
    ];
    for (index, id) in ids.iter().enumerate() {
        assert!(id.starts_with("event:") && !ids[..index].contains(id), "{ids:?}");
    }
    assert_eq!([react("👍", 1_788_018_727_311), press("A")], [ids[0].clone(), ids[3].clone()]);
}

#[test]
fn who_came_by_a_plugin_is_found_by_both_names() {
    let parsed = receive(Kind::Messenger, &bytes(Kind::Messenger, "inbound/text-prior-message.json")).unwrap();
    let Event::Message(message) = &parsed.events[0].event else { panic!("{parsed:?}") };
    let names = [(IdentityKind::ScopedId, "7240000000000001"), (IdentityKind::UserId, "USER_REF_0001")];
    assert_eq!(message.peer.identities, names.map(|(kind, value)| Identity::new(kind, value)));
    let parsed = receive(Kind::Messenger, &bytes(Kind::Messenger, "inbound/optin-checkbox.json")).unwrap();
    let Event::Message(note) = &parsed.events[0].event else { panic!("{parsed:?}") };
    assert_eq!(note.peer.identities, [Identity::new(IdentityKind::UserId, "USER_REF_0001")]);
}

#[test]
fn threads_change_hands() {
    let pass = |settings: Value, owner: Value| {
        let body = event(Kind::Messenger, &json!({ "pass_thread_control": { "new_owner_app_id": owner } }));
        let parsed = receive_by(&*vendor_with(Kind::Messenger, &settings), &body).unwrap();
        let Event::Handover(handover) = &parsed.events[0].event else { panic!("{parsed:?}") };
        handover.ours
    };
    assert!(pass(json!({}), json!("1517000000000111")));
    assert!(pass(json!({}), json!(1_517_000_000_000_111_u64)));
    assert!(!pass(json!({}), json!("1517000000000222")));
    assert!(pass(json!({}), json!(null)));
    assert!(pass(json!({ "app_id": null }), json!("1517000000000222")));
    assert!(!pass(json!({ "app_id": null }), json!("263902037430900")));
}

#[test]
fn a_handshake_is_answered_by_both() {
    let query = |token: &str| {
        let pairs = [("hub.mode", "subscribe"), ("hub.verify_token", token), ("hub.challenge", "1158201444")];
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    for kind in BOTH {
        assert_eq!(vendor(kind).handshake(&query("word")).as_deref(), Ok("1158201444"));
        assert!(vendor(kind).handshake(&query("another")).is_err());
        assert!(vendor(kind).handshake(&[]).is_err());
    }
}
