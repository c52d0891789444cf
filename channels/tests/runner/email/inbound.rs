//! Mails that come in: what each becomes in full, charsets, machines and threads.

use serde_json::{Value, json};
use switchboard_channels::contract::inbound::{Event, Progress};
use switchboard_channels::email::tokens::{self, Purpose};
use switchboard_channels::email::{Envelope, parse};

use super::{bytes, case, envelope, folder, mail, message, names, ours, read, settings, whole};

#[test]
fn mails_become_exactly_these_events() {
    let mut differing = Vec::new();
    for name in names("inbound/mails", ".eml") {
        let parsed =
            read(&bytes(&format!("inbound/mails/{name}")), envelope("ana@customer.example", "support@acme.example"));
        let files: Vec<Value> = parsed.files.iter().map(|file| json!([file.id, file.bytes.len()])).collect();
        let made = json!({ "events": parsed.events, "ignored": parsed.ignored, "files": files });
        let path = format!("inbound/mails/{}", name.replace(".eml", ".events.json"));
        let kept = if folder(&path).exists() { case(&path) } else { Value::Null };
        if kept != made {
            differing.push(format!("{path} should hold:\n{}", serde_json::to_string_pretty(&made).unwrap()));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn charsets() {
    for case in case("inbound/charset/expected.json")["cases"].as_array().unwrap() {
        let file = case["file"].as_str().unwrap();
        let parsed = read(&bytes(&format!("inbound/charset/{file}")), Envelope::default());
        let wanted = case["text"].as_str().unwrap();
        assert_eq!(whole(mail(message(&parsed))).trim_end(), wanted.trim_end(), "{file}: {}", case["note"]);
    }
}

#[test]
fn machines() {
    for case in case("inbound/loops/expected.json")["cases"].as_array().unwrap() {
        let file = case["file"].as_str().unwrap();
        let from = case["envelope_from"].as_str().unwrap();
        let parsed = read(&bytes(&format!("inbound/loops/{file}")), envelope(from, "support@acme.example"));
        let events: Vec<&Event> = parsed.events.iter().map(|arrival| &arrival.event).collect();
        match (case["automatic"] == true, case["action"].as_str().unwrap(), &events[..]) {
            (false, _, [Event::Message(message)]) => {
                assert!(message.wants_answer && mail(message).automatic.is_none(), "{file}: {message:?}");
            }
            (true, "store, no reply", [Event::Message(message)]) => {
                assert!(mail(message).automatic.is_some(), "{file}");
                // Exchange puts this on ordinary mail: an agent may answer.
                assert_eq!(message.wants_answer, file == "x-auto-response-suppress-oof.eml", "{file}");
            }
            // Another gateway's mark is a machine's mail; only our own is ours.
            (true, "drop", [Event::Message(message)]) => {
                assert!(!message.wants_answer && file == "own-loop-header.eml", "{file}");
            }
            (true, "drop" | "note only: not a failure", []) => assert_eq!(parsed.ignored.len(), 1, "{file}"),
            (true, "bounce handling", [Event::Message(message)]) => assert!(!message.wants_answer, "{file}"),
            (true, "bounce handling", [Event::Receipt(receipt), ..]) => {
                assert_eq!(receipt.progress, Progress::Failed, "{file}");
                assert!(receipt.tracking.is_none() && !receipt.failures.is_empty(), "{file}");
            }
            // Reports about mail that nothing proves to be ours change nothing.
            (true, "bounce handling" | "mark delivered" | "suppress the address", []) => {
                let reasons = parsed.ignored.iter().all(|ignored| ignored.reason.contains("no mail that"));
                assert!(reasons, "{file}: {parsed:?}");
            }
            (true, "mark read, no reply", [Event::Receipt(receipt)]) => {
                assert_eq!((receipt.progress, receipt.id.as_str()), (Progress::Read, "out1.c1@acme.example"), "{file}");
            }
            other => panic!("{file}: {other:?} {:?}", parsed.ignored),
        }
    }
}

#[test]
fn threads() {
    let expected = case("inbound/threading/expected.json");
    let conversations = expected["store"]["conversations"].as_object().unwrap();
    let knows = |name: &str, id: &str| {
        let ids = conversations[name]["message_ids"].as_array().unwrap();
        ids.iter().any(|known| known.as_str().unwrap().eq_ignore_ascii_case(id))
    };
    for case in expected["cases"].as_array().unwrap() {
        let (file, rule) = (case["file"].as_str().unwrap(), case["rule"].as_str().unwrap());
        let to = case["envelope_to"].as_str().unwrap();
        let parsed = read(&bytes(&format!("inbound/threading/{file}")), envelope("ana@customer.example", to));
        if rule == "ignored" {
            assert!(parsed.events.is_empty(), "{file}");
            continue;
        }
        let message = message(&parsed);
        let thread = message.thread.as_ref().unwrap();
        let nearest = thread.references.iter().find_map(|id| conversations.keys().find(|name| knows(name, id)));
        assert!(thread.references.len() <= 50, "{file}");
        match rule {
            "in_reply_to" | "references" => {
                assert_eq!(nearest.map(String::as_str), case["conversation"].as_str(), "{file}");
            }
            "subject" => {
                let subject = thread.subject.as_deref().unwrap();
                assert_ne!(subject, "Order 4711", "{file}");
                assert_eq!(parse::base_subject(subject), "Order 4711", "{file}");
            }
            "automatic" => assert!(!message.wants_answer, "{file}"),
            "reply_token" | "new" | "duplicate" => assert_eq!(thread.conversation_id, None, "{file}: not signed by us"),
            other => panic!("{file}: {other}"),
        }
        if file == "two-message-ids.eml" {
            assert_eq!(message.id, "a@x.example");
        }
    }
}

#[test]
fn our_reply_address_names_the_conversation_wherever_it_stands() {
    let id = "0197f2c4-5a8e-7c21-9d3b-2f6a8e1c4b7d";
    let address = tokens::address(&ours(), Purpose::Reply, id).unwrap();
    assert!(address.split('@').next().unwrap().len() <= 64, "{address}");
    let named = |to: &str, header: &str| {
        let raw = format!("From: ana@customer.example\nMessage-ID: <a@b>\n{header}\n\nHi");
        message(&read(raw.as_bytes(), envelope("ana@customer.example", to))).thread.clone().unwrap().conversation_id
    };
    let found = Some(id.to_owned());
    assert_eq!(named(&address, "To: somebody@example.com"), found);
    assert_eq!(named(&address.to_uppercase(), "To: somebody@example.com"), found);
    assert_eq!(named("support@acme.example", &format!("To: Acme <{address}>")), found);
    assert_eq!(named("support@acme.example", &format!("Cc: bob@other.example, {address}")), found);
    assert_eq!(named("support@acme.example", &format!("Delivered-To: {address}")), found);
    assert_eq!(named("support@acme.example", "To: support@acme.example"), None);
    // A changed letter, a token for bounces, another installation's, another mailbox's.
    let at = address.find('+').unwrap() + 9;
    let other = if &address[at..=at] == "a" { "b" } else { "a" };
    let forged = format!("{}{other}{}", &address[..at], &address[at + 1..]);
    assert_eq!(named(&forged, "To: x@example.com"), None);
    let bounce = tokens::address(&ours(), Purpose::Bounce, id).unwrap();
    assert_eq!(named(&bounce, "To: x@example.com"), None);
    let foreign = settings(json!({ "reply_secret": "another-secret-for-tests" }));
    assert_eq!(named(&tokens::address(&foreign, Purpose::Reply, id).unwrap(), "To: x@example.com"), None);
    let elsewhere = settings(json!({ "address": "sales@acme.example" }));
    assert_eq!(named(&tokens::address(&elsewhere, Purpose::Reply, id).unwrap(), "To: x@example.com"), None);
    let unset = settings(json!({ "reply_secret": "" }));
    let unsigned = tokens::address(&unset, Purpose::Reply, id).unwrap();
    assert_eq!(tokens::named(&unset, Purpose::Reply, &unsigned), None, "an empty key signs nothing");
    // Ids of other forms travel, too; one that is too long does not.
    assert_eq!(
        named(&tokens::address(&ours(), Purpose::Reply, "C-1").unwrap(), "To: x@example.com").as_deref(),
        Some("C-1")
    );
    assert_eq!(tokens::address(&ours(), Purpose::Reply, &"c".repeat(40)), None);
}

#[test]
fn message_ids_of_ours_are_known_again() {
    for id in ["0197f2c4-5a8e-7c21-9d3b-2f6a8e1c4b7d", "m1", "a b/c", "é"] {
        let message_id = tokens::message_id(&ours(), id);
        assert_eq!(tokens::own_message(&ours(), &message_id).as_deref(), Some(id), "{message_id}");
        assert_eq!(tokens::message_id(&ours(), id), message_id, "another one at the second try");
        assert!(message_id.is_ascii() && message_id.ends_with("@acme.example"));
        let foreign = settings(json!({ "reply_secret": "another-secret-for-tests" }));
        assert_eq!(tokens::own_message(&foreign, &message_id), None);
    }
    assert_eq!(tokens::own_message(&ours(), "m1@acme.example"), None);
    assert_eq!(tokens::own_message(&ours(), ""), None);
}

#[test]
fn base_subjects() {
    let cases = [
        ("Re: Order", "Order"),
        ("RE: Fwd: AW: Order", "Order"),
        ("[EXTERN] Re[2]: Order (fwd)", "Order"),
        ("回复：Order", "Order"),
        ("Re:Re:Re:", ""),
        ("  Order\t 4711 ", "Order 4711"),
        ("Regarding: Order", "Regarding: Order"),
        ("Réf: Order", "Réf: Order"),
        ("", ""),
    ];
    for (subject, base) in cases {
        assert_eq!(parse::base_subject(subject), base, "{subject}");
    }
}

#[test]
fn who_vouches_for_the_sender() {
    let trusting = settings(json!({ "trusted_authserv": "mx.acme.example" }));
    let verdict = |headers: &str| {
        let raw = format!("{headers}From: ana@mail.customer.example\nMessage-ID: <a@b>\n\nHi");
        let parsed = parse::raw(&trusting, raw.as_bytes(), Envelope::default()).unwrap();
        mail(message(&parsed)).authenticated
    };
    let header = |value: &str| format!("Authentication-Results: {value}\n");
    let cases = [
        ("mx.acme.example; dkim=fail header.d=x.example; dmarc=pass (p=none) header.from=customer.example", Some(true)),
        ("mx.acme.example;\n dmarc=fail; dkim=pass header.d=customer.example", Some(false)),
        ("mx.acme.example 1; dkim=pass header.d=customer.example", Some(true)),
        ("mx.acme.example; dkim=pass header.d=evil.example", None),
        ("mx.acme.example; dkim=pass header.d=ample", None),
        ("mx.acme.example; spf=pass smtp.mailfrom=ana@customer.example", Some(true)),
        ("mx.acme.example; spf=fail smtp.mailfrom=ana@customer.example", Some(false)),
        ("mx.acme.example; (dmarc=pass) dmarc=fail", Some(false)),
        ("mx.evil.example; dmarc=pass", None),
        ("mx.acme.example; none", None),
    ];
    for (value, wanted) in cases {
        assert_eq!(verdict(&header(value)), wanted, "{value}");
    }
    // Only the topmost counts: what lies below came with the mail.
    let below = [header("mx.other.example; dmarc=fail"), header("mx.acme.example; dmarc=pass")].concat();
    assert_eq!(verdict(&below), None);
    assert_eq!(verdict(""), None);
}

#[test]
fn a_sender_for_bounces_in_the_envelope_makes_no_machine() {
    let raw = b"From: Ana <ana@customer.example>\nMessage-ID: <a@b>\n\nHi";
    for (from, reason) in [
        ("bounces+7-ana=customer.example@em.customer.example", None),
        ("no-reply@customer.example", None),
        ("MAILER-DAEMON@mx.example", Some("system-sender")),
        ("<>", Some("null-sender")),
    ] {
        let parsed = read(raw, envelope(from, "support@acme.example"));
        assert_eq!(mail(message(&parsed)).automatic.as_deref(), reason, "{from}");
    }
}

#[test]
fn a_mailbox_tells_the_envelope_in_a_header() {
    let raw = bytes("inbound/loops/null-return-path-header.eml");
    let reason = |provider: &str| {
        let settings = settings(json!({ "provider": provider }));
        let parsed = parse::raw(&settings, &raw, Envelope::default()).unwrap();
        mail(message(&parsed)).automatic.clone()
    };
    assert_eq!(reason("imap").as_deref(), Some("null-sender"));
    // Elsewhere the sender may have written it.
    assert_eq!(reason("generic"), None);
}
