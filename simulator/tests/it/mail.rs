//! Mail: what the SMTP server takes and refuses, what people write, bounces, and cuts around the last dot.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::stage::{Arrived, Stage};

const BOX: &str = "support@acme.example";
const ANA: &str = "ana@customer.example";
const MAIL: &str = "From: Acme <support@acme.example>\r\nReply-To: support+token42@acme.example\r\nTo: ana@customer.example\r\n\
                    Subject: =?utf-8?q?Se=C3=B1or?=\r\nMessage-ID: <m1@acme.example>\r\n\r\nHello\r\n..dot\r\n";

async fn stage() -> Stage {
    let stage = Stage::new().await;
    stage.open("email", BOX, json!({})).await;
    let ana = json!({"name": "Ana López", "email": ANA});
    assert_eq!(stage.call("POST", "/sim/customers", Some(ana)).await.0, 201);
    stage
}

/// A mail client that says each line and hears each answer.
struct Client(BufReader<TcpStream>);

impl Client {
    async fn new(stage: &Stage) -> Self {
        let mut client = Self(BufReader::new(TcpStream::connect(stage.simulator.smtp_addr()).await.unwrap()));
        assert_eq!(client.hear().await, "220");
        assert_eq!(client.say("EHLO me").await, "250");
        client
    }

    /// The code of an answer, or nothing when the connection is closed.
    async fn hear(&mut self) -> String {
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).await.unwrap_or(0) == 0 {
                return String::new();
            }
            if line.as_bytes()[3] != b'-' {
                return line.chars().take(3).collect();
            }
        }
    }

    async fn say(&mut self, line: &str) -> String {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
        self.hear().await
    }

    /// Sends a mail; the answer to its last dot.
    async fn send(&mut self, from: &str, mail: &str) -> String {
        for line in [format!("MAIL FROM:<{from}> BODY=8BITMIME"), format!("RCPT TO:<{ANA}>")] {
            assert_eq!(self.say(&line).await, "250", "{line}");
        }
        assert_eq!(self.say("DATA").await, "354");
        self.0.get_mut().write_all(mail.as_bytes()).await.unwrap();
        self.say(".").await
    }
}

fn signed(arrived: &Arrived) -> bool {
    let mut mac = Hmac::<Sha256>::new_from_slice(b"generic-inbound-secret").unwrap();
    mac.update(format!("{}.", arrived.headers["x-switchboard-timestamp"]).as_bytes());
    mac.update(&arrived.raw);
    arrived.headers["x-switchboard-signature"] == format!("v1={}", hex::encode(mac.finalize().into_bytes()))
}

#[actix_web::test]
async fn a_mail_is_taken_and_booked_with_its_parts() {
    let stage = stage().await;
    let mut client = Client::new(&stage).await;
    assert_eq!(client.send("bounce+v1@acme.example", MAIL).await, "250");
    assert_eq!(client.say("QUIT").await, "221");
    let booked = stage.books_of(BOX, "messages=1").await["messages"][0].clone();
    assert_eq!(
        (&booked["channel"], &booked["id"], &booked["to"]),
        (&json!("email"), &json!("m1@acme.example"), &json!(ANA))
    );
    assert_eq!((&booked["text"], &booked["tracking"]), (&json!("Hello\r\n.dot\r\n"), &json!("m1@acme.example")));
    assert_eq!(
        (&booked["body"]["subject"], &booked["body"]["reply_to"][0]),
        (&json!("Señor"), &json!("support+token42@acme.example"))
    );
    assert_eq!(booked["body"]["envelope"]["from"], "bounce+v1@acme.example");
    let raw = stage.request("GET", &format!("/sim/media/{}", booked["body"]["raw_id"].as_str().unwrap()));
    assert!(raw.send().await.unwrap().text().await.unwrap().ends_with("\r\n\r\nHello\r\n.dot\r\n"));
}

#[actix_web::test]
async fn commands_may_be_pipelined_and_the_same_mail_twice_is_a_duplicate() {
    let stage = stage().await;
    let mut client = Client::new(&stage).await;
    for _ in 0..2 {
        let group = format!("MAIL FROM:<{BOX}>\r\nRCPT TO:<{ANA}>\r\nDATA\r\n");
        client.0.get_mut().write_all(group.as_bytes()).await.unwrap();
        let answers = [client.hear().await, client.hear().await, client.hear().await];
        assert_eq!(answers, ["250", "250", "354"]);
        client.0.get_mut().write_all(MAIL.as_bytes()).await.unwrap();
        assert_eq!(client.say(".").await, "250");
    }
    let counts = stage.books_of(BOX, "messages=2").await["counts"].clone();
    assert_eq!((&counts["messages"], &counts["duplicates"]), (&json!(2), &json!(1)));
}

#[actix_web::test]
async fn what_a_server_must_not_take_is_refused() {
    let stage = stage().await;
    let mut client = Client::new(&stage).await;
    let stranger = MAIL.replace("acme.example", "other.example");
    assert_eq!(client.send("x@other.example", &stranger).await, "550");
    assert_eq!(client.send(BOX, &MAIL.replace("Hello\r\n", "Hello\n.\r\nRCPT TO:<smuggled@x>\r\n")).await, "554");
    assert_eq!(client.send(BOX, "no headers at all\r\n").await, "554");
    stage.open("email", BOX, json!({"username": "acme"})).await;
    let mut client = Client::new(&stage).await;
    assert_eq!(client.say(&format!("MAIL FROM:<{BOX}>")).await, "530");
    let login = STANDARD.encode("\0acme\0switchboard-test-password");
    assert_eq!(client.say(&format!("AUTH PLAIN {login}")).await, "235");
    assert_eq!(client.send(BOX, MAIL).await, "250");
    assert_eq!(stage.books_of(BOX, "messages=1").await["counts"]["messages"], 1);
}

#[actix_web::test]
async fn rules_refuse_delay_and_cut_before_and_after_the_mail_is_taken() {
    let stage = stage().await;
    let rule =
        |kind: &str, action: Value| json!([{"match": {"vendor": "email", "kind": kind}, "action": action, "times": 1}]);
    for (action, answer, booked) in [
        (json!({"status": {"code": 451}}), "451", 0),
        (json!({"status": {"code": 552, "details": "5.2.2 Full"}}), "552", 0),
        (json!("cut_before"), "", 0),
        (json!("cut_after"), "", 1),
        (json!({"latency_ms": 50}), "250", 1),
    ] {
        stage.call("DELETE", "/sim/books", None).await;
        stage.faults(rule("send", action.clone())).await;
        let mut client = Client::new(&stage).await;
        assert_eq!(client.send(BOX, MAIL).await, answer, "{action}");
        assert_eq!(stage.books_of(BOX, "").await["counts"]["messages"].as_u64().unwrap_or(0), booked, "{action}");
    }
    stage.faults(rule("recipient", json!({"status": {"code": 550}}))).await;
    let mut client = Client::new(&stage).await;
    client.say(&format!("MAIL FROM:<{BOX}>")).await;
    assert_eq!(client.say(&format!("RCPT TO:<{ANA}>")).await, "550");
    stage.faults(rule("connect", json!({"status": {"code": 421}}))).await;
    let mut refused = TcpStream::connect(stage.simulator.smtp_addr()).await.unwrap();
    let mut heard = String::new();
    refused.read_to_string(&mut heard).await.unwrap();
    assert!(heard.starts_with("421 "), "{heard}");
}

#[actix_web::test]
async fn what_people_write_reaches_the_gateway_raw_and_signed() {
    let stage = stage().await;
    let file = json!({"filename": "a.txt", "mime_type": "text/plain", "data_base64": STANDARD.encode("file")});
    let mail = json!({"from": ANA, "subject": "Señor", "text": "¡Hola!", "attachments": [file]});
    let answer = stage.write_on("email", BOX, mail).await;
    let arrived = stage.receiver.all().remove(0);
    assert!(signed(&arrived), "{:?}", arrived.headers);
    assert_eq!((arrived.headers["x-envelope-from"].as_str(), arrived.headers["x-envelope-to"].as_str()), (ANA, BOX));
    assert_eq!(arrived.headers["content-type"], "message/rfc822");
    let raw = String::from_utf8(arrived.raw).unwrap();
    assert!(raw.contains(answer["id"].as_str().unwrap()) && raw.contains("a.txt"), "{raw}");
}

#[actix_web::test]
async fn an_answer_goes_where_the_gateway_asked_for_it_and_names_what_it_answers() {
    let stage = stage().await;
    let mut client = Client::new(&stage).await;
    assert_eq!(client.send(BOX, MAIL).await, "250");
    let answer = json!({"from": ANA, "reply_to": "m1@acme.example", "text": "Thanks", "quote": true});
    let first = stage.write_on("email", BOX, answer).await;
    let arrived = stage.receiver.all().remove(0);
    assert_eq!(arrived.headers["x-envelope-to"], "support+token42@acme.example");
    let raw = String::from_utf8(arrived.raw).unwrap();
    for wanted in ["In-Reply-To: <m1@acme.example>", "References: <m1@acme.example>", "> Hello"] {
        assert!(raw.contains(wanted), "{wanted} is not in {raw}");
    }
    let again = json!({"from": ANA, "reply_to": first["id"], "text": "And one more thing"});
    stage.write_on("email", BOX, again).await;
    assert_eq!(stage.receiver.all()[1].headers["x-envelope-to"], "support+token42@acme.example");
    let missing = json!({"from": ANA, "reply_to": "nobody@x", "text": "x"});
    assert_eq!(stage.call("POST", &format!("/sim/email/{BOX}/inbound"), Some(missing)).await.0, 400);
}

#[actix_web::test]
async fn mails_bounce_on_demand_and_by_rule() {
    let stage = stage().await;
    let mut client = Client::new(&stage).await;
    assert_eq!(client.send("bounce+v1@acme.example", MAIL).await, "250");
    let bounce = json!({"from": ANA, "type": "bounce", "bounce": {"message_id": "m1@acme.example", "code": 552}});
    stage.write_on("email", BOX, bounce).await;
    stage.faults(json!([{"match": {"vendor": "email", "kind": "send"}, "action": {"fail_receipt": 550}}])).await;
    assert_eq!(client.send("bounce+v2@acme.example", MAIL).await, "250");
    stage.books_of(BOX, "acknowledged=2").await;
    let all = stage.receiver.all();
    for (arrived, to, status) in
        [(&all[0], "bounce+v1@acme.example", "5.2.2"), (&all[1], "bounce+v2@acme.example", "5.1.1")]
    {
        assert_eq!((arrived.headers["x-envelope-from"].as_str(), arrived.headers["x-envelope-to"].as_str()), ("", to));
        let raw = String::from_utf8_lossy(&arrived.raw);
        for wanted in ["multipart/report", &format!("Status: {status}"), "Message-ID: <m1@acme.example>", ANA] {
            assert!(raw.contains(wanted), "{wanted} is not in {raw}");
        }
    }
}
