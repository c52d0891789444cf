//! Mails and forms that are meant to hurt: what they may not do, and how long they may take.

use std::time::{Duration, Instant};

use serde_json::json;
use switchboard_channels::contract::inbound::Parsed;
use switchboard_channels::contract::vendor::Vendor as _;
use switchboard_channels::email::{Envelope, parse};

use super::{case, delivery, headers, mail, message, ours, read, settings, sound};

/// Reads a mail, and wants it read soon.
fn soon(name: &str, raw: &[u8]) -> Parsed {
    let begun = Instant::now();
    let parsed = parse::raw(&ours(), raw, Envelope::default()).unwrap();
    sound(&parsed);
    assert!(begun.elapsed() < Duration::from_secs(20), "{name} took {:?}", begun.elapsed());
    parsed
}

#[test]
fn pages() {
    for case in case("hostile/html.json").as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let raw = format!(
            "From: ana@customer.example\nSubject: Subject\nContent-Type: text/html; charset=utf-8\n\n{}",
            case["html"].as_str().unwrap()
        );
        let parsed = soon(name, raw.as_bytes());
        let mail = mail(message(&parsed));
        if let Some(text) = case["text"].as_str() {
            assert_eq!(mail.text, text, "{name}");
        }
        let all = serde_json::to_string(&parsed.events).unwrap();
        for words in case["lacks"].as_array().into_iter().flatten().map(|words| words.as_str().unwrap()) {
            assert!(!all.contains(words), "{name}: {words} in {all}");
        }
    }
}

#[test]
fn depths_and_lengths() {
    let head = "From: ana@customer.example\nSubject: x\nMIME-Version: 1.0\n";
    let html = |body: String| format!("{head}Content-Type: text/html\n\n{body}");
    let nested = (0..3_000).map(|at| format!("Content-Type: multipart/mixed; boundary=b{at}\n\n--b{at}\n"));
    let cases = [
        ("mails in mails", format!("{head}{}deep", "Content-Type: message/rfc822\n\n".repeat(20_000))),
        ("parts in parts", format!("{head}{}Content-Type: text/plain\n\ndeep", nested.collect::<String>())),
        (
            "many parts",
            format!(
                "{head}Content-Type: multipart/mixed; boundary=b\n\n{}",
                "--b\nContent-Type: image/png\n\nx\n".repeat(5_000)
            ),
        ),
        ("elements in elements", html("<div>".repeat(100_000))),
        ("paragraphs within", html(format!("{}{}", "<div>".repeat(240), "<p>a".repeat(50_000)))),
        ("formatting", html("<b><i><a href=x>".repeat(30_000))),
        ("tables", html("<table><tr><td>".repeat(20_000))),
        ("attributes", html(format!("<p {}>", "a=b ".repeat(100_000)))),
        ("one long line", format!("{head}\n{}", "a ".repeat(2_000_000))),
        ("quotes", format!("{head}\n{}", "> quoted\n".repeat(100_000))),
        (
            "announcements",
            format!("{head}\n{}", "On Thu, Jul 16, 2026 at 9:00 AM Acme wrote:\n> a\nb\n".repeat(20_000)),
        ),
        ("almost announcements", format!("{head}\n{}", "On 16 Jul 2026 <a@b.example>\n".repeat(60_000))),
        ("rulers", format!("{head}\n{}", "____________________\n\n".repeat(50_000))),
        ("references", format!("{head}References: {}\n\nx", "<a@b> ".repeat(100_000))),
        ("subject", format!("Subject: {}\nFrom: a@b.example\n\nx", "Re: ".repeat(100_000))),
        ("encoded words", format!("Subject: {}\nFrom: a@b.example\n\nx", "=?utf-8?q?=41?= ".repeat(30_000))),
        ("headers", format!("{head}{}\nx", "X-A: b\n".repeat(100_000))),
        ("addresses", format!("To: {}\n{head}\nx", "a@b.example, ".repeat(50_000))),
    ];
    for (name, raw) in cases {
        let parsed = soon(name, raw.as_bytes());
        assert!(parsed.files.len() <= 100, "{name}");
    }
}

#[test]
fn names_of_files_and_people() {
    let raw = "From: \"support@acme.example\" <ana@customer.example>\n\
        Subject: =?utf-8?q?a=0D=0ABcc=3A_x=40y?=\n\
        Message-ID: <a@b>\n\
        Content-Type: application/x-msdownload; name=\"C:\\\\dir\\\\..\\u{202e}fdp.exe\"\n\n\
        MZ demo";
    let parsed = read(raw.as_bytes(), Envelope::default());
    let message = message(&parsed);
    assert_eq!(message.peer.name, None, "an address as a name is somebody else's");
    let mail = mail(message);
    assert!(!mail.subject.as_deref().unwrap().contains(['\r', '\n']));
    let file = &mail.attachments[0];
    assert!(!file.filename.as_deref().unwrap_or_default().contains(['\u{202e}', '\\', ':']), "{file:?}");
    assert_eq!(file.mime_type.as_deref(), Some("application/vnd.microsoft.portable-executable"));
    let torn = "From: a@b.example\nContent-Type: text/pl\0ain\nContent-ID: <a\0b>\n\nx";
    assert_eq!(read(torn.as_bytes(), Envelope::default()).events.len(), 1);
    let disguised = "From: a@b.example\nContent-Type: image/png; name=a.png\n\nMZ demo";
    let parsed = read(disguised.as_bytes(), Envelope::default());
    assert_ne!(parsed.events.len(), 0);
    assert!(!serde_json::to_string(&parsed.events).unwrap().contains("image/png"), "a program as a picture");
}

#[test]
fn mails_that_are_hardly_any() {
    assert!(parse::raw(&ours(), b"", Envelope::default()).is_err());
    assert!(parse::raw(&ours(), b" \r\n\r\n", Envelope::default()).is_err());
    let bodies: [&[u8]; 8] =
        [b"x", b"\0\0\0", b"\xff\xfe", b":\n\n:", b"From:\n\n", b"From: a\n\nb", b"--b--", b"From: <>\nTo: ,,\n\n\n"];
    for raw in bodies {
        let parsed = parse::raw(&ours(), raw, Envelope::default()).unwrap();
        assert_eq!((parsed.events.len(), parsed.ignored.len()), (0, 1), "{raw:?}: {parsed:?}");
        let named = Envelope { from: Some("ana@customer.example".to_owned()), to: Vec::new() };
        let parsed = parse::raw(&ours(), raw, named).unwrap();
        sound(&parsed);
        assert_eq!(parsed.events.len(), 1, "{raw:?}: the envelope names a sender");
    }
}

#[test]
fn forms_that_are_none() {
    let settings = settings(json!({ "provider": "mailgun" }));
    let cases: [(&str, &[u8]); 14] = [
        ("", b"x"),
        ("text/plain", b"x"),
        ("application/json", b"{"),
        ("application/json", b"[]"),
        ("application/json", b"\xff"),
        ("multipart/form-data", b"--b--"),
        ("multipart/form-data; boundary=", b"--b--"),
        ("multipart/form-data; boundary=b", b""),
        ("multipart/form-data; boundary=b", b"--b"),
        ("multipart/form-data; boundary=b", b"--b--"),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data; name=from\r\n\r\nx"),
        ("multipart/form-data; boundary=b", b"--b\r\nno body\r\n--b--"),
        ("multipart/form-data; boundary=b", b"--bb\r\n\r\nx\r\n--bb--"),
        ("application/x-www-form-urlencoded", b"&&&=&"),
    ];
    for (kind, body) in cases {
        let given = headers(&json!({ "content-type": kind }));
        assert!(settings.take_again(&delivery(&given, body, 0)).is_err(), "{kind}: {body:?}");
    }
    let many = "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n".repeat(5_000);
    let given = headers(&json!({ "content-type": "multipart/form-data; boundary=b" }));
    let refused = settings.take_again(&delivery(&given, format!("{many}--b--").as_bytes(), 0)).unwrap_err();
    assert!(refused.contains("more than"), "{refused}");
    let deep = format!("{{\"event-data\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let typed = headers(&json!({ "content-type": "application/json" }));
    assert!(settings.take_again(&delivery(&typed, deep.as_bytes(), 0)).is_err());
    let imap = ours();
    assert!(imap.take(&delivery(&typed, b"{}", 0)).is_err(), "nothing comes by HTTP");
    assert!(imap.take_again(&delivery(&typed, b"", 0)).is_err());
    let mail = b"From: ana@people.example\r\nMessage-ID: <1@people.example>\r\n\r\nHi\r\n";
    assert_eq!(imap.take_again(&delivery(&[], mail, 0)).unwrap().events.len(), 1, "what lies in the mailbox is read");
}
