//! The recorded trace of each line: what two customers write and do, and what becomes of a message to one of them, in
//! the vendor's own shapes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use switchboard_channels::contract::content::Content;
use switchboard_channels::contract::outbound::Outbound;
use switchboard_channels::contract::peer::{Identity, IdentityKind};
use switchboard_channels::contract::request::Dispatch;

use super::{ANA, BEN};
use crate::support::line::Line;
use crate::support::stage::NUMBER;

/// What is said to Ana.
pub const SAID: &str = "How can I help?";
/// What its message is called.
pub const OURS: &str = "ours";
const CALLBACK: &str = "http://switchboard.example/";
/// What signs the reply addresses of mail.
const REPLY_SECRET: &str = "a secret for reply addresses";

/// A POST of the vendor.
pub struct Post {
    pub url: String,
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
}

/// What a line's vendor delivers.
#[derive(Clone, Copy)]
pub struct Wire(pub Line);

impl Wire {
    /// The channel's settings.
    pub fn settings(self) -> Value {
        let known = self.0.credentials().into_iter().map(|(name, value)| (name.to_owned(), Value::from(value)));
        let mut settings = Value::Object(known.collect());
        match self.0 {
            Line::Sms | Line::WhatsappByTwilio => {
                settings["signature_algorithm"] = "HMAC_SHA256".into();
                settings["shared_key"] = settings["auth_token"].clone();
            }
            Line::Mail => {
                settings["smtp_host"] = "localhost".into();
                settings["reply_secret"] = REPLY_SECRET.into();
            }
            Line::Whatsapp | Line::Instagram | Line::Messenger => {}
        }
        settings
    }

    fn setting(self, name: &str) -> String {
        self.settings()[name].as_str().unwrap_or_else(|| panic!("there is a {name}")).to_owned()
    }

    /// The vendor's id of one of the customers' messages.
    pub fn id(self, name: &str) -> String {
        match self.0 {
            Line::Whatsapp => format!("wamid.{name}"),
            Line::Instagram | Line::Messenger => format!("m_{name}"),
            Line::Sms | Line::WhatsappByTwilio => format!("SM{name:0>32}"),
            Line::Mail => format!("{name}@people.example"),
        }
    }

    /// Ana's first message, by which there is a conversation; `at` is its time in seconds.
    pub fn hello(self, at: i64) -> Value {
        match self.0 {
            Line::Whatsapp => whatsapp::message(ANA, "a0", at, "text", json!({ "body": "Hello" })),
            Line::Instagram | Line::Messenger => {
                self.page_event(ANA, at, "message", json!({ "mid": "m_a0", "text": "Hello" }))
            }
            Line::Sms | Line::WhatsappByTwilio => self.form(ANA, "a0", "Hello"),
            Line::Mail => self.mail(ANA, "a0", &[], "Hello"),
        }
    }

    /// What comes before anything else: where sends carry nothing that comes back with each receipt, the answer to the
    /// send or its echo tells the vendor's id.
    pub fn first(self, said: &str, at: i64) -> Vec<Value> {
        match self.0 {
            Line::Instagram | Line::Messenger => vec![self.own_echo(said, at)],
            _ => Vec::new(),
        }
    }

    /// The trace; `said` is our id of what was said to Ana.
    pub fn trace(self, said: &str, at: i64) -> Vec<Value> {
        match self.0 {
            Line::Whatsapp => whatsapp::trace(said, at),
            Line::Instagram | Line::Messenger => self.page_trace(said, at),
            Line::Sms | Line::WhatsappByTwilio => self.form_trace(said),
            Line::Mail => self.mail_trace(said),
        }
    }

    /// What must hold of Ana's messages in the end: the vendor's id, where to look, and what is there.
    pub fn holds(self, at: i64) -> Vec<(String, &'static str, Value)> {
        let mut holds = vec![(OURS.to_owned(), "/status", json!(self.0.comes_to().as_str()))];
        match self.0 {
            Line::Whatsapp | Line::Instagram | Line::Messenger => {
                holds.push((self.id("a2"), "/body", json!("it is broken!")));
                holds.push((self.id("a5"), "/deleted", json!((at + 6) * 1_000)));
            }
            Line::Sms | Line::WhatsappByTwilio => {
                holds.push((self.id("a3"), "/files", json!([["image", "pending"], ["image", "pending"]])));
            }
            Line::Mail => {
                holds[0].2 = json!("failed");
                holds.push((self.id("a3"), "/files", json!([["image", "stored"], ["document", "stored"]])));
                holds.push((self.id("a3"), "/among", json!(self.id("a1"))));
            }
        }
        holds
    }

    /// The POSTs in which these parts come: one, where the vendor puts several into one.
    pub fn posts(self, parts: &[Value], now: i64) -> Vec<Post> {
        match self.0 {
            Line::Whatsapp => {
                let change = |value: &Value| json!({ "field": "messages", "value": value });
                let changes: Vec<_> = parts.iter().map(change).collect();
                let entry = json!({ "id": self.setting("waba_id"), "changes": changes });
                vec![self.hub_post(&json!({ "object": "whatsapp_business_account", "entry": [entry] }))]
            }
            Line::Instagram | Line::Messenger => {
                let object = if self.0 == Line::Instagram { "instagram" } else { "page" };
                let entry = json!({ "id": self.0.account(), "time": now, "messaging": parts });
                vec![self.hub_post(&json!({ "object": object, "entry": [entry] }))]
            }
            Line::Sms | Line::WhatsappByTwilio => parts.iter().map(|part| self.form_post(part)).collect(),
            Line::Mail => parts.iter().map(|part| self.mail_post(part, now)).collect(),
        }
    }

    fn hub_post(self, body: &Value) -> Post {
        let body = body.to_string().into_bytes();
        let mut mac = Hmac::<Sha256>::new_from_slice(self.setting("app_secret").as_bytes()).unwrap();
        mac.update(&body);
        let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
        let headers = vec![("x-hub-signature-256".to_owned(), signature.into_bytes())];
        Post { url: CALLBACK.to_owned(), headers, body }
    }
}

/// Direct messages and those of a Page.
impl Wire {
    fn page_event(self, from: &str, at: i64, kind: &str, what: Value) -> Value {
        json!({
            "sender": { "id": from }, "recipient": { "id": self.0.account() }, "timestamp": at * 1_000, (kind): what,
        })
    }

    fn echo(self, at: i64, message: &Value) -> Value {
        json!({
            "sender": { "id": self.0.account() }, "recipient": { "id": ANA }, "timestamp": at * 1_000,
            "message": message,
        })
    }

    /// What was said to Ana comes back. Only a Page's echo tells who has sent it, and what was sent along.
    fn own_echo(self, said: &str, at: i64) -> Value {
        let mut message = json!({ "mid": "m_ours", "is_echo": true, "text": SAID });
        if self.0 == Line::Messenger {
            message["app_id"] = self.setting("app_id").parse::<i64>().unwrap().into();
            message["metadata"] = format!("msg:{said}").into();
        }
        self.echo(at, &message)
    }

    fn page_trace(self, said: &str, at: i64) -> Vec<Value> {
        let text = |from, id: &str, after, text| {
            self.page_event(from, at + after, "message", json!({ "mid": self.id(id), "text": text }))
        };
        let edit = |count, after, of: &str, text| {
            let edit = json!({ "mid": self.id(of), "num_edit": count, "text": text });
            self.page_event(ANA, at + after, "message_edit", edit)
        };
        let image =
            |name| json!({ "type": "image", "payload": { "url": format!("https://scontent.fbcdn.net/{name}") } });
        let pictures = json!({ "mid": "m_a6", "text": "look", "attachments": [image("1.png"), image("2.png")] });
        let later = (at + 60) * 1_000;
        let mut trace = vec![
            text(ANA, "a1", 1, "I ordered a lamp"),
            text(ANA, "a2", 2, "it is brocken"),
            text(BEN, "b1", 2, "When do you open?"),
            edit(1, 3, "a2", "it is broken"),
            edit(2, 4, "a2", "it is broken!"),
            text(ANA, "a5", 5, "never mind"),
            self.page_event(ANA, at + 6, "message", json!({ "mid": "m_a5", "is_deleted": true })),
            self.page_event(ANA, at + 6, "message", pictures),
            self.page_event(ANA, at + 7, "reaction", json!({ "mid": "m_ours", "action": "react", "emoji": "👍" })),
            self.page_event(BEN, at + 8, "postback", json!({ "mid": "m_b2", "title": "Sundays", "payload": "SUN" })),
            self.own_echo(said, at),
        ];
        if self.0 == Line::Messenger {
            trace.push(self.page_event(ANA, at + 1, "delivery", json!({ "mids": ["m_ours"], "watermark": later })));
            trace.push(self.page_event(ANA, at + 2, "read", json!({ "watermark": later })));
        } else {
            trace.push(self.page_event(ANA, at + 2, "read", json!({ "mid": "m_ours" })));
            // A person of ours answers in the vendor's own inbox. Where reads are told up to a moment, what is heard of
            // only after it stays as it came, so that there the order counts.
            trace.push(self.echo(at + 9, &json!({ "mid": "m_h1", "is_echo": true, "text": "I am Kim" })));
        }
        trace
    }
}

/// SMS and `WhatsApp` by Twilio, where each POST is about one message.
impl Wire {
    fn form(self, from: &str, id: &str, body: &str) -> Value {
        let whatsapp = self.0 == Line::WhatsappByTwilio;
        let address = if whatsapp { format!("whatsapp:+{from}") } else { format!("+{from}") };
        json!({
            "AccountSid": self.0.account(), "MessageSid": self.id(id), "SmsStatus": "received", "NumMedia": "0",
            "From": address, "To": self.setting("sender"), "Body": body,
        })
    }

    /// How far what was said to Ana has come. The send has put our id into the address for this.
    fn status(self, said: &str, word: &str) -> Value {
        json!({
            "AccountSid": self.0.account(), "MessageSid": self.id("ours"), "MessageStatus": word, "SmsStatus": word,
            "From": self.setting("sender"), "To": format!("+{ANA}"), "@query": format!("?message_id={said}"),
        })
    }

    fn form_trace(self, said: &str) -> Vec<Value> {
        let mut pictures = self.form(ANA, "a3", "look");
        for (name, value) in [
            ("NumMedia", "2"),
            ("MediaUrl0", "https://api.twilio.com/1"),
            ("MediaContentType0", "image/png"),
            ("MediaUrl1", "https://api.twilio.com/2"),
            ("MediaContentType1", "image/png"),
        ] {
            pictures[name] = value.into();
        }
        let mut place = self.form(BEN, "b3", "");
        (place["Latitude"], place["Longitude"]) = ("52.5".into(), "13.4".into());
        let mut trace = vec![
            self.form(ANA, "a1", "I ordered a lamp"),
            self.form(ANA, "a2", "it is broken"),
            self.form(BEN, "b1", "When do you open?"),
            pictures,
            self.form(BEN, "b2", "And on Sundays?"),
            place,
            self.status(said, "queued"),
            self.status(said, "sent"),
            self.status(said, "delivered"),
        ];
        if self.0 == Line::WhatsappByTwilio {
            trace.push(self.status(said, "read"));
        }
        trace
    }

    fn form_post(self, part: &Value) -> Post {
        let mut url = CALLBACK.to_owned();
        // Sorted by name, as they are signed.
        let mut fields: Vec<(&str, &str)> = Vec::new();
        for (name, value) in part.as_object().unwrap() {
            let value = value.as_str().unwrap();
            if name == "@query" { url.push_str(value) } else { fields.push((name, value)) }
        }
        fields.sort_unstable();
        let mut mac = Hmac::<Sha256>::new_from_slice(self.setting("shared_key").as_bytes()).unwrap();
        mac.update(url.as_bytes());
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in fields {
            mac.update(name.as_bytes());
            mac.update(value.as_bytes());
            form.append_pair(name, value);
        }
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("x-twilio-signature", &signature),
            ("x-twilio-webhooks-signature-settings", "algorithm=HMAC_SHA256"),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).to_vec();
        Post { url, headers, body: form.finish().into_bytes() }
    }
}

/// Mail, each in a POST of its own.
impl Wire {
    /// A mail that names others, the oldest first. Who names none begins a thread.
    fn mail(self, from: &str, id: &str, named: &[&str], text: &str) -> Value {
        self.mail_with(from, id, named, &format!("Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"))
    }

    fn mail_with(self, from: &str, id: &str, named: &[&str], rest: &str) -> Value {
        let address = self.0.address(from);
        let mut head = format!(
            "From: {address}\r\nTo: {}\r\nMessage-ID: <{}>\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n",
            self.0.account(),
            self.id(id)
        );
        if let Some(parent) = named.last() {
            let all: Vec<_> = named.iter().map(|name| format!("<{}>", self.id(name))).collect();
            head += &format!("In-Reply-To: <{}>\r\nReferences: {}\r\n", self.id(parent), all.join(" "));
        }
        let subject = if named.is_empty() { format!("About {id}") } else { format!("Re: About {}", named[0]) };
        json!({ "from": address, "raw": format!("{head}Subject: {subject}\r\nMIME-Version: 1.0\r\n{rest}") })
    }

    fn mail_trace(self, said: &str) -> Vec<Value> {
        let files = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nlook\r\n\
                     --b\r\nContent-Type: image/gif\r\nContent-Disposition: attachment; filename=a.gif\r\n\
                     Content-Transfer-Encoding: base64\r\n\r\nR0lGODlhAQABAAAAADs=\r\n\
                     --b\r\nContent-Type: text/csv\r\nContent-Disposition: attachment; filename=a.csv\r\n\r\na,b\r\n\
                     --b--\r\n";
        let automatic = "Auto-Submitted: auto-replied\r\nContent-Type: text/plain\r\n\r\nI am away\r\n";
        vec![
            self.mail(ANA, "a1", &[], "I ordered a lamp"),
            self.mail(ANA, "a2", &["a1"], "it is broken"),
            self.mail_with(ANA, "a3", &["a1", "a2"], files),
            self.mail(BEN, "b1", &[], "When do you open?"),
            self.mail(BEN, "b2", &["b1"], "And on Sundays?"),
            self.mail_with(BEN, "b3", &["b1", "b2"], automatic),
            self.mail(ANA, "a4", &[], "Another matter"),
            self.bounce(said),
        ]
    }

    /// The mail to Ana comes back, to the address from which it went.
    fn bounce(self, said: &str) -> Value {
        let vendor = (self.0.kind().protocol().read)(self.settings()).unwrap();
        let (to, content) = ([Identity::new(IdentityKind::Email, self.0.address(ANA))], Content::text(SAID));
        let Ok(Dispatch::Mail(mail)) = vendor.render(&Outbound::new(said, &to, &content)) else {
            panic!("a mail is rendered as one")
        };
        let raw = format!(
            "From: MAILER-DAEMON@people.example\r\nTo: {}\r\nMessage-ID: <d1@people.example>\r\n\
             Subject: Undelivered\r\nMIME-Version: 1.0\r\nContent-Type: multipart/report; \
             report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n\
             --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; people.example\r\n\r\n\
             Final-Recipient: rfc822; {}\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n\
             --b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <{}>\r\n\r\n--b--\r\n",
            mail.envelope_from,
            self.0.address(ANA),
            mail.message_id
        );
        json!({ "from": "", "to": mail.envelope_from, "raw": raw })
    }

    fn mail_post(self, part: &Value, now: i64) -> Post {
        let (from, body) = (part["from"].as_str().unwrap(), part["raw"].as_str().unwrap());
        let to = part["to"].as_str().map_or_else(|| self.0.account(), str::to_owned);
        let timestamp = (now / 1_000).to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(self.setting("signing_key").as_bytes()).unwrap();
        for piece in [&timestamp, ".", body] {
            mac.update(piece.as_bytes());
        }
        let signature = format!("v1={}", hex::encode(mac.finalize().into_bytes()));
        let headers = [
            ("content-type", "message/rfc822"),
            ("x-envelope-from", from),
            ("x-envelope-to", &to),
            ("x-switchboard-timestamp", &timestamp),
            ("x-switchboard-signature", &signature),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).to_vec();
        Post { url: CALLBACK.to_owned(), headers, body: body.as_bytes().to_vec() }
    }
}

/// The Cloud API.
mod whatsapp {
    use serde_json::{Value, json};

    use super::{ANA, BEN, NUMBER};

    fn value(member: &str, one: Value) -> Value {
        let contact = |phone: &str, name: &str| json!({ "profile": { "name": name }, "wa_id": phone });
        let from = one["from"].as_str().or(one["recipient_id"].as_str()).unwrap().to_owned();
        json!({
            "messaging_product": "whatsapp",
            "metadata": { "display_phone_number": "15550783881", "phone_number_id": NUMBER },
            "contacts": [contact(&from, "A customer")],
            (member): [one],
        })
    }

    pub(super) fn message(from: &str, id: &str, at: i64, kind: &str, content: Value) -> Value {
        let (id, time) = (format!("wamid.{id}"), at.to_string());
        value("messages", json!({ "from": from, "id": id, "timestamp": time, "type": kind, (kind): content }))
    }

    pub(super) fn trace(said: &str, at: i64) -> Vec<Value> {
        let message = |from, id, after: i64, kind, content| message(from, id, at + after, kind, content);
        let text = |from, id, after, body: &str| message(from, id, after, "text", json!({ "body": body }));
        let edit = |from, id, after, of: &str, body: &str| {
            let new = json!({ "context": { "id": "M0" }, "type": "text", "text": { "body": body } });
            message(from, id, after, "edit", json!({ "original_message_id": format!("wamid.{of}"), "message": new }))
        };
        let receipt = |status: &str, after: i64| {
            let time = (at + after).to_string();
            value(
                "statuses",
                json!({ "id": "wamid.ours", "status": status, "timestamp": time, "recipient_id": ANA,
                "biz_opaque_callback_data": said }),
            )
        };
        vec![
            text(ANA, "a1", 1, "I ordered a lamp"),
            text(ANA, "a2", 2, "it is brocken"),
            text(BEN, "b1", 2, "When do you open?"),
            edit(ANA, "a3", 3, "a2", "it is broken"),
            edit(ANA, "a4", 4, "a2", "it is broken!"),
            text(ANA, "a5", 5, "never mind"),
            message(ANA, "a6", 6, "revoke", json!({ "original_message_id": "wamid.a5" })),
            message(ANA, "a7", 7, "reaction", json!({ "message_id": "wamid.ours", "emoji": "👍" })),
            text(BEN, "b2", 7, "And on Sundays?"),
            message(BEN, "b3", 8, "location", json!({ "latitude": 52.5, "longitude": 13.4 })),
            receipt("sent", 1),
            receipt("delivered", 2),
            receipt("read", 3),
        ]
    }
}
