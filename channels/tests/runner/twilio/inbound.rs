//! Every form the vendor is known to send: what it holds by the list, what we make of it in full, and what nobody
//! writes down.

use serde_json::{Value, json};
use switchboard_channels::contract::content::Content;
use switchboard_channels::contract::inbound::{Event, Message, Parsed};
use switchboard_channels::contract::peer::{Identity, IdentityKind};
use switchboard_channels::contract::vendor::{Delivery, Vendor};
use switchboard_channels::twilio::PROTOCOL;

use super::fixtures::{
    ACCOUNT, FORM, TOKEN, URL, addressee, bodies, bytes, folder, headers, json, receive, sign, with,
};
use crate::inbound::sound;

fn read(name: &str) -> Parsed {
    let body = bytes(name);
    receive(&addressee(&body), URL, &body).unwrap()
}

fn messages(parsed: &Parsed) -> Vec<&Message> {
    let messages = parsed.events.iter().filter_map(|arrival| match &arrival.event {
        Event::Message(message) => Some(&**message),
        _ => None,
    });
    messages.collect()
}

fn consent(parsed: &Parsed) -> Option<bool> {
    parsed.events.iter().find_map(|arrival| match &arrival.event {
        Event::Consent(consent) => Some(consent.granted),
        _ => None,
    })
}

#[test]
fn bodies_hold_what_is_listed() {
    let expected = json("inbound/expected.json");
    let names = bodies("inbound");
    assert_eq!(names.len(), expected["cases"].as_object().unwrap().len());
    for name in names {
        let wanted = &expected["cases"][name.trim_start_matches("inbound/").trim_end_matches(".form")];
        let parsed = read(&name);
        let messages = messages(&parsed);
        let &[first] = messages.as_slice() else { panic!("{name}: one message, not {parsed:?}") };
        let whatsapp = parsed.events[0].account.as_deref().is_some_and(|account| account.starts_with("whatsapp:"));
        assert_eq!(wanted["channel"], if whatsapp { "whatsapp" } else { "sms" }, "{name}");
        assert!(messages.iter().all(|message| message.opens_window), "{name}");
        people(&name, wanted, first);
        content(&name, wanted, first);
        let wish = match wanted["opt_out"].as_str() {
            Some("STOP") => (Some(false), false),
            Some("START") => (Some(true), false),
            Some("HELP") => (None, false),
            _ => (None, true),
        };
        assert_eq!((consent(&parsed), first.wants_answer), wish, "{name}");
    }
}

fn people(name: &str, wanted: &Value, message: &Message) {
    let keys = &message.peer.identities;
    if let Some(sender) = wanted["sender"].as_str() {
        let identity = match sender.strip_prefix('+') {
            Some(digits) => Identity::new(IdentityKind::Phone, digits),
            None if sender.contains('.') => Identity::new(IdentityKind::UserId, sender),
            None => Identity::new(IdentityKind::ScopedId, sender),
        };
        assert!(keys.contains(&identity), "{name}: {keys:?}");
    }
    if let Some(user) = wanted["external_user_id"].as_str() {
        assert_eq!(keys[0], Identity::new(IdentityKind::UserId, user), "{name}");
    }
    if let Some(number) = wanted["wa_id"].as_str() {
        assert!(keys.contains(&Identity::new(IdentityKind::Phone, number)), "{name}");
    }
    if let Some(shown) = wanted["profile_name"].as_str() {
        assert_eq!(message.peer.name.as_deref(), Some(shown), "{name}");
    }
}

fn content(name: &str, wanted: &Value, first: &Message) {
    let text = match &first.content {
        Content::Text { text, .. } => text.as_str(),
        Content::Choice { title, .. } => title.as_str(),
        other => other.media().and_then(|media| media.caption.as_deref()).unwrap_or_default(),
    };
    if let Some(wanted) = wanted["text"].as_str() {
        assert_eq!(text, wanted, "{name}");
    }
    if let Some(length) = wanted["text_len"].as_u64() {
        assert_eq!(json!(text.chars().count()), length, "{name}");
    }
    if let Some(count) = wanted["media"].as_u64() {
        assert_eq!(json!(first.content.all_media().count()), count, "{name}");
    }
    let seen = json!(first.content);
    for (kind, names) in [("button", ("payload", "text")), ("list", ("id", "title"))] {
        if wanted[kind].is_object() {
            assert_eq!((&seen["id"], &seen["title"]), (&wanted[kind][names.0], &wanted[kind][names.1]), "{name}");
        }
    }
    if let Some(place) = wanted["location"].as_object() {
        assert_eq!(seen["type"], "location", "{name}");
        for (member, value) in place {
            assert_eq!(&seen[if member == "label" { "name" } else { member }], value, "{name}");
        }
    }
    for (member, value) in wanted["referral"].as_object().into_iter().flatten() {
        assert_eq!(&first.referral.as_ref().unwrap()[member], value, "{name}");
    }
    assert_eq!(first.referral.is_some(), wanted["referral"].is_object(), "{name}");
    assert_eq!(first.reply_to.as_deref(), wanted["reply_to"].as_str(), "{name}");
    assert_eq!(first.forwarded, wanted["forwarded"] == true, "{name}");
    if let Some(id) = wanted["message_id"].as_str() {
        assert_eq!(first.id, id, "{name}");
    }
}

#[test]
fn bodies_become_exactly_these_events() {
    let mut differing = Vec::new();
    for name in bodies("inbound") {
        let parsed = read(&name);
        let path = name.replace(".form", ".events.json");
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
    for name in bodies("inbound") {
        let body = bytes(&name);
        let settings = addressee(&body);
        sound(&name, &read(&name));
        let headers = headers(FORM, &sign(URL, &body, TOKEN));
        let delivery = Delivery { url: URL, headers: &headers, body: &body, now: 0 };
        let addressed = (PROTOCOL.addressees)(&delivery);
        assert!(addressed.accounts.contains(&settings.account().unwrap()), "{name}");
        assert_eq!(addressed.businesses, [ACCOUNT], "{name}");
        // The same by GET: everything stands in the address, and nothing else is signed.
        let url = format!("{URL}?{}", String::from_utf8(body.clone()).unwrap());
        let headers = [("x-twilio-signature".to_owned(), sign(&url, b"", TOKEN).into_bytes())];
        let asked = Delivery { url: &url, headers: &headers, body: b"", now: 0 };
        assert_eq!(settings.take(&asked).unwrap(), read(&name), "{name}");
        assert_eq!((PROTOCOL.addressees)(&asked), addressed, "{name}");
    }
}

/// What small forms become: the settings beside the account, the form, and what the events hold.
#[test]
fn forms() {
    for case in json("inbound/forms.json").as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs([("MessageSid", "SM1"), ("From", "+14155550100"), ("To", "+15005550006")]);
        let fields = case["form"].as_object().unwrap();
        let mut body = form.finish();
        for (field, value) in fields {
            let pair: String = url::form_urlencoded::Serializer::new(String::new())
                .append_pair(field, value.as_str().unwrap())
                .finish();
            // A field that is set here counts before the one above.
            body = format!("{pair}&{body}");
        }
        let mut settings = json!({ "sender": "+15005550006" });
        for (member, value) in case["settings"].as_object().into_iter().flatten() {
            settings[member] = value.clone();
        }
        let parsed = receive(&with(&settings), URL, body.as_bytes()).unwrap();
        sound(name, &parsed);
        let seen: Vec<Value> = parsed.events.iter().map(|arrival| json!(arrival)).collect();
        let wanted = case["events"].as_array().unwrap();
        assert_eq!(seen.len(), wanted.len(), "{name}: {seen:#?}");
        for (seen, wanted) in seen.iter().zip(wanted) {
            for (pointer, value) in wanted.as_object().unwrap() {
                assert_eq!(seen.pointer(pointer).unwrap_or(&Value::Null), value, "{name}: {pointer} of {seen:#}");
            }
        }
        let ignored: Vec<&str> = parsed.ignored.iter().map(|ignored| ignored.path.as_str()).collect();
        assert_eq!(json!(ignored), case.get("ignored").cloned().unwrap_or(json!([])), "{name}");
    }
}
