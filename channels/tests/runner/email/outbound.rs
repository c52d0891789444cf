//! Mails that go out: headers, parts, refusals, and what servers say to them.

use serde_json::{Value, json};
use switchboard_channels::contract::content::Content;
use switchboard_channels::contract::failure::Failure;
use switchboard_channels::contract::inbound::Thread;
use switchboard_channels::contract::mail::{Mail, Reply};
use switchboard_channels::contract::outbound::{Outbound, Sent};
use switchboard_channels::contract::peer::{Identity, IdentityKind};
use switchboard_channels::contract::request::Dispatch;
use switchboard_channels::contract::vendor::Vendor as _;
use switchboard_channels::email::tokens::{self, Purpose};
use switchboard_channels::email::{Envelope, Settings, outcome, parse};

use super::{case, mail as content_of, message, ours, settings};

const ID: &str = "0197f2c4-5a8e-7c21-9d3b-2f6a8e1c4b7d";
const CONVERSATION: &str = "0197f2c4-5a8e-7c21-9d3b-000000000001";

fn render(
    settings: &Settings,
    content: &Value,
    thread: Option<&Thread>,
    reply_to: Option<&str>,
) -> Result<Mail, Failure> {
    let to = [Identity::new(IdentityKind::Phone, "1"), Identity::new(IdentityKind::Email, "ana@customer.example")];
    let content: Content = serde_json::from_value(content.clone()).unwrap_or_else(|error| panic!("{error}: {content}"));
    let outbound = Outbound { thread, reply_to, conversation_id: CONVERSATION, ..Outbound::new(ID, &to, &content) };
    match settings.render(&outbound)? {
        Dispatch::Mail(mail) => Ok(*mail),
        other => panic!("{other:?}"),
    }
}

fn header<'a>(mail: &'a Mail, name: &str) -> Option<&'a str> {
    mail.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
}

#[test]
fn contents() {
    for case in case("outbound/cases.json").as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        match (render(&ours(), &case["content"], None, None), case["refused"].as_array()) {
            (Err(failure), Some(wanted)) => {
                assert_eq!(json!(failure.code), wanted[0], "{name}: {failure}");
                assert!(failure.message.contains(wanted[1].as_str().unwrap()), "{name}: {failure}");
            }
            (Ok(mail), None) => {
                let files: Vec<Value> = mail
                    .files
                    .iter()
                    .map(|file| json!([file.file_id, file.filename, file.mime_type, file.content_id]))
                    .collect();
                assert_eq!(mail.subject, case["subject"].as_str().unwrap_or("Message from Acme Support"), "{name}");
                assert_eq!(json!(mail.text), case["text"], "{name}");
                assert_eq!(json!(mail.html), case["html"], "{name}");
                assert_eq!(json!(files), case.get("files").cloned().unwrap_or(json!([])), "{name}");
                assert_eq!(json!(header(&mail, "List-Unsubscribe")), case["unsubscribe"], "{name}");
                assert_eq!(header(&mail, "List-Unsubscribe-Post").is_some(), case["unsubscribe"].is_string(), "{name}");
            }
            (outcome, _) => panic!("{name}: {outcome:?}"),
        }
    }
}

#[test]
fn an_answer_continues_its_thread() {
    let thread = Thread {
        references: vec!["m1@customer.example".to_owned(), "bad id".to_owned(), "m0@customer.example".to_owned()],
        subject: Some("RE: AW: Order 4711".to_owned()),
        ..Thread::default()
    };
    let text = json!({ "type": "text", "text": "It was sent." });
    let mail = render(&ours(), &text, Some(&thread), None).unwrap();
    assert_eq!(mail.subject, "Re: Order 4711");
    assert_eq!(mail.in_reply_to.as_deref(), Some("m1@customer.example"));
    assert_eq!(mail.references, ["m0@customer.example", "m1@customer.example"]);
    assert_eq!(
        (mail.to.address.as_str(), mail.from.address.as_str()),
        ("ana@customer.example", "support@acme.example")
    );
    assert_eq!(mail.from.name.as_deref(), Some("Acme Support"));
    let reply_to = mail.reply_to.as_ref().unwrap();
    assert_eq!(tokens::named(&ours(), Purpose::Reply, &reply_to.address).as_deref(), Some(CONVERSATION));
    assert_eq!(tokens::named(&ours(), Purpose::Bounce, &mail.envelope_from).as_deref(), Some(ID));
    assert_eq!(tokens::own_message(&ours(), &mail.message_id).as_deref(), Some(ID));
    assert_eq!(header(&mail, "Auto-Submitted"), Some("auto-replied"));
    assert_eq!(header(&mail, "X-Auto-Response-Suppress"), Some("All"));
    assert_eq!(header(&mail, "X-Switchboard-Loop"), Some("support@acme.example"));
    assert_eq!(render(&ours(), &text, Some(&thread), None).unwrap(), mail, "another mail at the second try");

    let answered = render(&ours(), &text, Some(&thread), Some("m2@customer.example")).unwrap();
    assert_eq!(answered.references.last(), answered.in_reply_to.as_ref());
    assert_eq!(answered.in_reply_to.as_deref(), Some("m2@customer.example"));

    let long = Thread { references: (0..50).rev().map(|at| format!("r{at}@x.example")).collect(), ..Thread::default() };
    let mail = render(&ours(), &text, Some(&long), None).unwrap();
    assert_eq!((mail.references.len(), mail.references[0].as_str()), (20, "r0@x.example"));
    assert_eq!((mail.references[1].as_str(), mail.references[19].as_str()), ("r31@x.example", "r49@x.example"));

    let first = render(&ours(), &text, None, None).unwrap();
    assert_eq!((first.in_reply_to, first.references.len()), (None, 0));
    let elsewhere = Thread { reply_address: Some("ana@work.example".to_owned()), ..Thread::default() };
    assert_eq!(render(&ours(), &text, Some(&elsewhere), None).unwrap().to.address, "ana@work.example");
    let broken = Thread { reply_address: Some("ana@work.example>\r\nBcc: x".to_owned()), ..Thread::default() };
    assert_eq!(render(&ours(), &text, Some(&broken), None).unwrap_err().code, "INVALID_CONTENT");
    let injected = Thread { subject: Some("a\r\nBcc: x@y".to_owned()), ..Thread::default() };
    assert!(!render(&ours(), &text, Some(&injected), None).unwrap().subject.contains(['\r', '\n']));
}

#[test]
fn options_of_a_mailbox() {
    let text = json!({ "type": "text", "text": "Hello" });
    let quiet = settings(json!({ "mark_automatic": false }));
    let mail = render(&quiet, &text, None, None).unwrap();
    assert_eq!((header(&mail, "Auto-Submitted"), header(&mail, "X-Auto-Response-Suppress")), (None, None));
    assert!(header(&mail, "X-Switchboard-Loop").is_some(), "our mark is on everything");
    let marker = "Please answer above this line";
    let marked = settings(json!({ "reply_marker": marker }));
    let mail = render(&marked, &text, None, None).unwrap();
    assert_eq!(mail.text, format!("{marker}\n\nHello"));
    assert!(mail.html.unwrap().contains(marker));
    // What we write above, we find again in the answer.
    let raw = format!("From: a@b.example\n\nFine.\n\nEl jue, Acme:\n> {marker}\n>\n> Hello");
    let parsed = parse::raw(&marked, raw.as_bytes(), Envelope::default()).unwrap();
    assert_eq!(content_of(message(&parsed)).text, "Fine.");
    for (provider, name, value) in [
        ("mailgun", "X-Mailgun-Variables", format!("{{\"switchboard\":\"{ID}\"}}")),
        ("sendgrid", "X-SMTPAPI", format!("{{\"unique_args\":{{\"switchboard\":\"{ID}\"}}}}")),
        ("postmark", "X-PM-Metadata-switchboard", ID.to_owned()),
        ("ses", "X-SES-MESSAGE-TAGS", format!("switchboard={ID}")),
    ] {
        let mail = render(&settings(json!({ "provider": provider })), &text, None, None).unwrap();
        assert_eq!(header(&mail, name), Some(value.as_str()));
    }
    let login = settings(json!({ "smtp_user": "u", "smtp_password": "p", "smtp_port": 465, "smtp_tls": "implicit" }));
    let relay = render(&login, &text, None, None).unwrap().relay;
    assert_eq!((relay.host.as_str(), relay.port, relay.login.unwrap().0.as_str()), ("smtp.acme.example", 465, "u"));
}

#[test]
fn what_goes_out_comes_back_as_our_own() {
    let mail = render(&ours(), &json!({ "type": "text", "text": "Hello" }), None, None).unwrap();
    let mut raw = format!("From: {}\r\nMessage-ID: <{}>\r\n", mail.from.address, mail.message_id);
    raw.extend(mail.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")));
    let parsed = parse::raw(&ours(), format!("{raw}\r\n{}", mail.text).as_bytes(), Envelope::default()).unwrap();
    assert!(parsed.events.is_empty());
    // At another installation it is a machine's.
    let other = settings(json!({ "address": "help@other.example", "aliases": [] }));
    let parsed = parse::raw(&other, format!("{raw}\r\n{}", mail.text).as_bytes(), Envelope::default()).unwrap();
    assert!(!message(&parsed).wants_answer);
}

#[test]
fn servers_answers() {
    for case in case("outbound/replies.json").as_array().unwrap() {
        let reply = Reply {
            code: u16::try_from(case[0].as_u64().unwrap()).unwrap(),
            text: case[1].as_str().unwrap().to_owned(),
        };
        let made = match ours().mailed("m1@acme.example", &reply) {
            Sent::Accepted(accepted) => json!(accepted.id),
            Sent::Refused(failure) => {
                assert!(!failure.message.is_empty());
                json!([failure.code, failure.retry, failure.fault, failure.vendor_code, failure.stops_channel])
            }
            Sent::Unclear(why) => json!(why),
        };
        assert_eq!(made, case[2], "{case}");
    }
    let kills = |words: &str| outcome::Status::read(words).kills_address();
    assert!(kills("550 5.1.1 unknown") && kills("smtp; 550-5.1.10 x") && kills("5.1.2"));
    assert!(!kills("550 5.7.1") && !kills("550 unknown") && !kills("452 4.1.1") && !kills("from 10.5.1.1 at"));
}
