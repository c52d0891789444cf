//! The shared corpus: mails of the wild that are not ours to copy. It is read where it lies, and passed over where it
//! does not.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::Value;
use switchboard_channels::contract::inbound::Event;
use switchboard_channels::email::{Envelope, parse};

use super::{mail, ours, read, sound, whole};

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
