//! The shared corpus: mails of the wild that are not ours to copy. It is read where it lies, and passed over where it
//! does not.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::Value;
use switchboard_channels::contract::inbound::{Event, Progress};
use switchboard_channels::email::{Envelope, parse};

use super::{envelope, mail, message, ours, read, sound, whole};

fn corpus(name: &str) -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/wire/fixtures");
    #[expect(clippy::disallowed_methods, reason = "only where the corpus lies; no test decides by it")]
    let root = std::env::var_os("SWITCHBOARD_SHARED_FIXTURES").map_or_else(beside, PathBuf::from);
    Some(root.join("email").join(name)).filter(|path| path.exists())
}

fn json(name: &str) -> Option<Value> {
    Some(serde_json::from_slice(&fs::read(corpus(name)?).unwrap()).unwrap())
}

fn bytes(name: &str) -> Vec<u8> {
    fs::read(corpus(name).unwrap()).unwrap()
}

fn collapsed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn solid(text: &str) -> String {
    text.chars().filter(|character| !character.is_whitespace()).collect()
}

#[test]
fn two_parsers_agree_and_so_do_we() {
    let Some(expected) = json("expected.json") else { return };
    let (mut held, mut failures) = (0, Vec::new());
    for (file, wanted) in expected["files"].as_object().unwrap() {
        let parsed = parse::raw(&ours(), &bytes(file), Envelope::default()).unwrap();
        sound(&parsed);
        let Some(Event::Message(message)) = parsed.events.first().map(|arrival| &arrival.event) else { continue };
        let agreed = &wanted["agreed"];
        let mail = mail(message);
        let mut check = |what: &str, ours: String, theirs: String| {
            held += 1;
            // Several text parts are joined here, and what is no UTF-8 is windows-1252; they read one, and none.
            let same = ours == theirs || what == "text" && ours.starts_with(&theirs) || theirs.contains('\u{fffd}');
            if !same {
                failures.push(format!("{file}: {what}: {ours:?} for {theirs:?}"));
            }
        };
        if let Some(id) = agreed["message_id"].as_str() {
            check("id", message.id.clone(), id.to_owned());
        }
        if let Some(subject) = agreed["subject"].as_str() {
            let ours: String = collapsed(mail.subject.as_deref().unwrap_or_default()).chars().take(150).collect();
            check("subject", ours, collapsed(subject).chars().take(150).collect());
        }
        if let Some(from) = agreed["from"][0]["address"].as_str() {
            check("from", message.peer.identities[0].value.clone(), from.to_lowercase());
        }
        if let Some(text) = agreed["text"].as_str() {
            let ours: String = collapsed(whole(mail)).chars().take(150).collect();
            check("text", ours, collapsed(text).chars().take(150).collect());
        }
    }
    println!("corpus: {held} readings, {} differ", failures.len());
    assert!(failures.is_empty(), "{} of {held}:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn charsets() {
    let Some(expected) = json("charset/expected.json") else { return };
    for case in expected["cases"].as_array().unwrap() {
        let file = case["file"].as_str().unwrap();
        let parsed = read(&bytes(&format!("charset/{file}")), Envelope::default());
        let message = message(&parsed);
        let wanted = case["text"].as_str().unwrap();
        assert_eq!(whole(mail(message)).trim_end(), wanted.trim_end(), "{file}: {}", case["note"]);
    }
}

#[test]
fn loops() {
    let Some(expected) = json("loops/expected.json") else { return };
    for case in expected["cases"].as_array().unwrap() {
        let file = case["file"].as_str().unwrap();
        let from = case["envelope_from"].as_str().unwrap();
        let parsed = read(&bytes(&format!("loops/{file}")), envelope(from, "support@acme.example"));
        let events: Vec<&Event> = parsed.events.iter().map(|arrival| &arrival.event).collect();
        match (case["automatic"] == true, case["action"].as_str().unwrap(), &events[..]) {
            (false, _, [Event::Message(message)]) => {
                assert!(message.wants_answer && mail(message).automatic.is_none(), "{file}: {message:?}");
            }
            (true, "store, no reply", [Event::Message(message)]) => {
                assert!(mail(message).automatic.is_some(), "{file}");
                let soft = file == "x-auto-response-suppress-oof.eml";
                assert_eq!(message.wants_answer, soft, "{file}");
            }
            // Another gateway's mark is a machine's mail; only our own is ours.
            (true, "drop", [Event::Message(message)]) => {
                assert!(!message.wants_answer && file == "own-loop-header.eml", "{file}");
            }
            (true, "drop" | "note only: not a failure", []) => assert_eq!(parsed.ignored.len(), 1, "{file}"),
            (true, "bounce handling", [Event::Message(message)]) => assert!(!message.wants_answer, "{file}"),
            (true, "bounce handling", [Event::Receipt(receipt), ..]) => {
                assert_eq!(receipt.progress, Progress::Failed, "{file}");
                assert!(!receipt.failures.is_empty(), "{file}");
            }
            // Reports about mail that nothing proves to be ours change nothing.
            (true, "bounce handling" | "mark delivered" | "suppress the address", []) => {
                assert!(
                    parsed.ignored.iter().all(|ignored| ignored.reason.contains("no mail that")),
                    "{file}: {parsed:?}"
                );
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
    let Some(expected) = json("threading/expected.json") else { return };
    let conversations = expected["store"]["conversations"].as_object().unwrap();
    let knows = |name: &str, id: &str| {
        let ids = conversations[name]["message_ids"].as_array().unwrap();
        ids.iter().any(|known| known.as_str().unwrap().eq_ignore_ascii_case(id))
    };
    for case in expected["cases"].as_array().unwrap() {
        let (file, rule) = (case["file"].as_str().unwrap(), case["rule"].as_str().unwrap());
        let parsed = read(
            &bytes(&format!("threading/{file}")),
            envelope("ana@customer.example", case["envelope_to"].as_str().unwrap()),
        );
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
                assert_eq!(nearest.map(String::as_str), case["conversation"].as_str(), "{file}")
            }
            "subject" => {
                let subject = thread.subject.as_deref().unwrap();
                assert_ne!(parse::base_subject(subject), subject, "{file}: no prefix was found");
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
fn visible_texts() {
    let Some(expected) = json("replies/expected.json") else { return };
    let (mut agree, mut total, mut failures) = (0, 0, Vec::new());
    for (file, wanted) in expected["files"].as_object().unwrap() {
        let content = bytes(&format!("replies/{file}"));
        let raw = if file.ends_with(".eml") {
            content
        } else {
            let kind = if file.ends_with(".html") { "html" } else { "plain" };
            let head = format!("From: ana@customer.example\nContent-Type: text/{kind}; charset=utf-8\n\n");
            [head.into_bytes(), content].concat()
        };
        let begun = Instant::now();
        let parsed = read(&raw, Envelope::default());
        assert!(begun.elapsed().as_secs() < 5, "{file} took {:?}", begun.elapsed());
        let Some(Event::Message(message)) = parsed.events.first().map(|arrival| &arrival.event) else { continue };
        let text = &mail(message).text;
        if let Some(visible) = wanted["visible_text"].as_str() {
            // The source of these keeps signatures; ours go by rule 5 of the notes.
            let shorter = ["talon-iphone.eml", "talon-sparrow.eml"].contains(&file.as_str());
            let same = solid(text) == solid(visible) || shorter && solid(visible).starts_with(&solid(text));
            if !same {
                failures.push(format!("{file}:\n--- ours\n{text}\n--- theirs\n{visible}"));
            }
        } else if let Some(reference) = wanted["reference"].as_str() {
            total += 1;
            agree += i32::from(solid(text) == solid(reference));
            if solid(text) != solid(reference) {
                println!("=== {file}\n--- ours\n{text}\n--- reference\n{reference}");
            }
        }
    }
    println!("second opinion: {agree} of {total} agree");
    assert!(failures.is_empty(), "{}:\n{}", failures.len(), failures.join("\n"));
    assert!(agree * 10 >= total * 6, "{agree} of {total}");
}

#[test]
fn everything_is_read_and_nothing_breaks() {
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for name in ["mime", "bounces", "replies", "threading", "loops", "charset"] {
        let Some(folder) = corpus(name) else { return };
        for entry in fs::read_dir(folder).unwrap() {
            let content = fs::read(entry.unwrap().path()).unwrap();
            let parsed = parse::raw(&ours(), &content, Envelope::default()).unwrap();
            sound(&parsed);
            assert_eq!(parse::raw(&ours(), &content, Envelope::default()).unwrap(), parsed, "read twice, it differs");
            *kinds.entry(name).or_default() += 1;
        }
    }
    println!("{kinds:?}");
}
