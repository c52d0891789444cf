//! Each provider's deliveries: mails in all their forms, and news of mails that went.

use serde_json::{Value, json};
use switchboard_channels::contract::inbound::{Event, Parsed, Progress};
use switchboard_channels::contract::vendor::Vendor as _;
use switchboard_channels::email::tokens::{self, Purpose};
use switchboard_channels::email::{Envelope, Settings, parse};

use super::{NOW, bytes, case, delivery, form, headers, mail, message, names, ours, settings, sound, whole};

fn again(settings: &Settings, headers: &[(String, Vec<u8>)], body: &[u8]) -> Parsed {
    let parsed = settings.take_again(&delivery(headers, body, NOW)).unwrap();
    sound(&parsed);
    parsed
}

#[test]
fn the_parsed_forms_are_mails_like_any_other() {
    let mailgun = case("inbound/providers/mailgun-parsed.json");
    let (given, body) = form(&mailgun["fields"], &mailgun["files"]);
    let mailgun_settings = settings(json!({ "provider": "mailgun", "signing_key": mailgun["signing_key"] }));
    let taken = mailgun_settings.take(&delivery(&given, &body, NOW)).unwrap();
    let sendgrid = case("inbound/providers/sendgrid-parsed.json");
    let (sendgrid_given, sendgrid_body) = form(&sendgrid["fields"], &sendgrid["files"]);
    let sendgrid_settings = settings(json!({ "provider": "sendgrid" }));
    let postmark = case("inbound/providers/postmark-inbound.json");
    let postmark_settings = settings(json!({ "provider": "postmark" }));
    let typed = headers(&json!({ "content-type": "application/json" }));

    for (parsed, id, subject, text, file) in [
        (taken, "m1@customer.example", "Re: Order 4711", "Thanks!", "photo.jpg"),
        (again(&sendgrid_settings, &sendgrid_given, &sendgrid_body), "m3@customer.example", "Hi", "Hello", "a.jpg"),
        (
            again(&postmark_settings, &typed, postmark["body"].to_string().as_bytes()),
            "m1@customer.example",
            "Re: Order 4711",
            "Thanks!",
            "photo.jpg",
        ),
    ] {
        sound(&parsed);
        let message = message(&parsed);
        let mail = mail(message);
        assert_eq!((message.id.as_str(), mail.subject.as_deref()), (id, Some(subject)));
        assert_eq!(mail.text, text);
        assert_eq!(message.peer.identities[0].value, "ana@customer.example");
        assert!(message.peer.name.as_deref().unwrap().starts_with("Ana"));
        assert_eq!(mail.attachments[0].filename.as_deref(), Some(file));
        assert_eq!(parsed.files.len(), 1);
        if subject == "Re: Order 4711" {
            let thread = message.thread.as_ref().unwrap();
            assert_eq!(thread.references, ["out2.c1@acme.example", "m0@customer.example"], "{id}");
        }
    }
}

#[test]
fn the_raw_forms_are_mails_like_any_other() {
    let mailgun = case("inbound/providers/mailgun-mime.json");
    let sendgrid = case("inbound/providers/sendgrid-raw.json");
    for (provider, fields) in [("mailgun", &mailgun["fields"]), ("sendgrid", &sendgrid["fields"])] {
        let (given, body) = form(fields, &json!({}));
        let parsed = again(&settings(json!({ "provider": provider })), &given, &body);
        let message = message(&parsed);
        assert_eq!((message.id.as_str(), mail(message).text.as_str()), ("m2@customer.example", "Hola señor"));
        assert_eq!(message.peer.name.as_deref(), Some("Ana López"));
    }
    let raw = "From: Ana <ana@customer.example>\r\nMessage-ID: <m2@customer.example>\r\n\r\nHola";
    let body =
        json!({ "RawEmail": raw, "MessageID": "x", "OriginalRecipient": "support@acme.example", "Headers": null });
    let parsed = again(&settings(json!({ "provider": "postmark" })), &[], body.to_string().as_bytes());
    assert_eq!(mail(message(&parsed)).text, "Hola");
}

#[test]
fn each_text_field_has_a_charset_of_its_own() {
    let mut body = Vec::new();
    for (name, value) in [
        ("headers", &b"From: ana@customer.example\nMessage-ID: <a@b>\n"[..]),
        ("charsets", br#"{"text":"windows-1251","subject":"UTF-8"}"#),
        ("text", b"\xcf\xf0\xe8\xe2\xe5\xf2"),
    ] {
        body.extend(format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n").into_bytes());
        body.extend([value, b"\r\n"].concat());
    }
    body.extend(b"--b--");
    let given = headers(&json!({ "content-type": "multipart/form-data; boundary=\"b\"" }));
    let parsed = again(&settings(json!({ "provider": "sendgrid" })), &given, &body);
    assert_eq!(mail(message(&parsed)).text, "Привет");
}

#[test]
fn a_retry_is_the_same_message() {
    let mut fields = json!({ "from": "ana@customer.example", "subject": "Hi", "body-plain": "Hello", "token": "1" });
    let settings = settings(json!({ "provider": "mailgun" }));
    let id = |fields: &Value| {
        let (given, body) = form(fields, &json!({}));
        message(&again(&settings, &given, &body)).id.clone()
    };
    let first = id(&fields);
    fields["token"] = json!("2");
    assert_eq!(id(&fields), first, "what names no id is named by what it says");
    fields["body-plain"] = json!("Hello again");
    assert_ne!(id(&fields), first);
}

#[test]
fn notifications_carry_mails() {
    let vectors = case("signature/sns-signatures.json");
    let settings = settings(json!({ "provider": "ses" }));
    for vector in vectors["cases"].as_array().unwrap() {
        if vector["name"] == "notification-v2-sha256" {
            let parsed = again(&settings, &[], vector["body"].to_string().as_bytes());
            assert_eq!(message(&parsed).peer.identities[0].value, "ana@customer.example");
            assert!(!whole(mail(message(&parsed))).is_empty());
        }
        if vector["name"] == "notification-newlines-unicode" {
            let parsed = again(&settings, &[], vector["body"].to_string().as_bytes());
            assert_eq!(parsed.ignored[0].reason, "words, not a report");
        }
    }
    let notification = |message: Value| {
        let body = json!({ "Type": "Notification", "Message": message.to_string() });
        again(&settings, &[], body.to_string().as_bytes())
    };
    let raw = "RnJvbTogYW5hQGN1c3RvbWVyLmV4YW1wbGUKTWVzc2FnZS1JRDogPGFAYj4KClBhc3PpCg==";
    let mut received = json!({
        "notificationType": "Received",
        "receipt": {
            "recipients": ["support@acme.example"],
            "dmarcVerdict": { "status": "PASS" },
            "virusVerdict": { "status": "PASS" },
            "action": { "type": "SNS", "encoding": "BASE64" },
        },
        "mail": { "messageId": "x", "source": "ana@customer.example" },
        "content": raw,
    });
    let parsed = notification(received.clone());
    assert_eq!(mail(message(&parsed)).text, "Passé");
    assert_eq!(mail(message(&parsed)).authenticated, Some(true));
    received["receipt"]["virusVerdict"]["status"] = json!("FAIL");
    assert_eq!(notification(received.clone()).ignored[0].reason, "the provider found a virus in it");
    received["receipt"]["virusVerdict"]["status"] = json!("PASS");
    received.as_object_mut().unwrap().remove("content");
    received["receipt"]["action"] = json!({ "type": "S3", "bucketName": "mails", "objectKey": "k" });
    let event = json!(notification(received).events[0].event);
    assert_eq!((&event["kind"], &event["detail"]["key"]), (&json!("mail_without_content"), &json!("k")));
}

#[test]
fn news_become_receipts_and_dead_addresses() {
    for file in names("status", ".json") {
        let cases = case(&format!("status/{file}"));
        let Some(list) = cases["cases"].as_array() else { continue };
        let settings = settings(json!({ "provider": cases["provider"] }));
        for case in list {
            let name = case["name"].as_str().unwrap();
            let typed = headers(&json!({ "content-type": "application/json" }));
            let parsed = again(&settings, &typed, case["body"].to_string().as_bytes());
            let made: Vec<Value> = parsed.events.iter().map(|arrival| summary(&arrival.event)).collect();
            let own = tokens::message_id(&settings, "m-1");
            let wanted = case["events"].to_string().replace("@own", &own);
            assert_eq!(json!(made).to_string(), wanted, "{file}: {name}: {parsed:?}");
            assert_eq!(json!(parsed.ignored.len()), case.get("ignored").cloned().unwrap_or(json!(0)), "{file}: {name}");
        }
    }
    let failed = case("status/mailgun-event-failed.json");
    let settings = settings(json!({ "provider": "mailgun", "signing_key": failed["signing_key"] }));
    let typed = headers(&json!({ "content-type": "application/json" }));
    let parsed = settings.take(&delivery(&typed, failed["body"].to_string().as_bytes(), NOW)).unwrap();
    let made: Vec<Value> = parsed.events.iter().map(|arrival| summary(&arrival.event)).collect();
    let wanted = json!([
        ["failed", "out1.c1@acme.example", null, "ana@customer.example", "RECIPIENT_UNREACHABLE", "550/5.1.1"],
        ["unreachable", "ana@customer.example", "RECIPIENT_UNREACHABLE"],
    ]);
    assert_eq!(json!(made), wanted);
}

/// An event in a line.
fn summary(event: &Event) -> Value {
    match event {
        Event::Receipt(receipt) => {
            let failure = receipt.failures.first();
            assert_eq!(receipt.progress == Progress::Failed, failure.is_some());
            json!([
                receipt.progress,
                receipt.id,
                receipt.tracking,
                receipt.recipient.first().map(|identity| &identity.value),
                failure.map(|failure| &failure.code),
                failure.and_then(|failure| failure.vendor_code.as_ref()),
            ])
        }
        Event::Unreachable(dead) => json!(["unreachable", dead.identity.value, dead.failure.code]),
        Event::Consent(consent) => json!(["consent", consent.peer.identities[0].value, consent.granted]),
        Event::Account(notice) => json!(["account", notice.kind]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn reports_by_mail_are_believed_by_our_own_signature() {
    const ID: &str = "0197f2c4-5a8e-7c21-9d3b-2f6a8e1c4b7d";
    let bounce = tokens::address(&ours(), Purpose::Bounce, ID).unwrap();
    let message_id = tokens::message_id(&ours(), ID);
    for file in names("status/reports", ".eml") {
        let template = String::from_utf8(bytes(&format!("status/reports/{file}"))).unwrap();
        let raw = template.replace("{bounce}", &bounce).replace("{message_id}", &message_id);
        let to = if raw.contains(&bounce) { bounce.clone() } else { "support@acme.example".to_owned() };
        let envelope = Envelope { from: Some(String::new()), to: vec![to] };
        let parsed = parse::raw(&ours(), raw.as_bytes(), envelope).unwrap();
        sound(&parsed);
        let made: Vec<Value> = parsed.events.iter().map(|arrival| summary(&arrival.event)).collect();
        let wanted = case("status/reports/expected.json")[&file]
            .to_string()
            .replace("{message_id}", &message_id)
            .replace("{id}", ID);
        assert_eq!(json!(made).to_string(), wanted, "{file}: {:?}", parsed.ignored);
    }
}

#[test]
fn an_out_of_office_note_is_no_bounce() {
    let message_id = tokens::message_id(&ours(), "m-1");
    let raw = format!(
        "From: Ana <ana@customer.example>\nIn-Reply-To: <{message_id}>\nAuto-Submitted: auto-replied\n\nBack on Monday. Suite 550, call 555 0199.\n"
    );
    let envelope = Envelope { from: Some(String::new()), to: vec!["support@acme.example".to_owned()] };
    let parsed = parse::raw(&ours(), raw.as_bytes(), envelope).unwrap();
    assert_eq!(mail(message(&parsed)).automatic.as_deref(), Some("auto-submitted"));
}
