//! The channels as a program for partners in other languages: a question a line comes in as JSON, and its answer goes
//! out as JSON. Nothing but `tests/oracles` runs it; it decides nothing and keeps nothing.
//!
//! A question names the channel (`kind`, `settings`) and what to `do`:
//! `render` (`to`, `content`, and `id`, `reply_to`, `thread`, `conversation_id` where there are any) answers the
//! request or mail that would go out, or `refused`;
//! `take` and `read` (`url`, `headers`, `body` in base64, `now`) answer what a delivery holds; `take` verifies it first
//! and may answer `untaken`.

use std::error::Error;
use std::io::{self, BufRead as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use switchboard_channels::Kind;
use switchboard_channels::contract::content::Content;
use switchboard_channels::contract::inbound::{Parsed, Thread};
use switchboard_channels::contract::mail::{Mail, Mailbox};
use switchboard_channels::contract::outbound::Outbound;
use switchboard_channels::contract::peer::Identity;
use switchboard_channels::contract::request::{Body, Dispatch, Request};
use switchboard_channels::contract::vendor::{Delivery, Untaken, Vendor};

#[derive(Deserialize)]
struct Question {
    kind: Kind,
    settings: Value,
    #[serde(flatten)]
    wish: Wish,
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Wish {
    Render(Box<Send>),
    Take(Knock),
    Read(Knock),
}

#[derive(Deserialize)]
struct Send {
    to: Vec<Identity>,
    content: Content,
    #[serde(default)]
    id: String,
    reply_to: Option<String>,
    thread: Option<Thread>,
    #[serde(default)]
    conversation_id: String,
}

#[derive(Deserialize)]
struct Knock {
    url: String,
    headers: Vec<(String, String)>,
    body: String,
    #[serde(default)]
    now: i64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let question: Question = serde_json::from_str(&line?)?;
        let vendor = (question.kind.protocol().read)(question.settings)?;
        let answer = match question.wish {
            Wish::Render(send) => rendered(vendor.as_ref(), &send),
            Wish::Take(knock) => received(vendor.as_ref(), &knock, true)?,
            Wish::Read(knock) => received(vendor.as_ref(), &knock, false)?,
        };
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn rendered(vendor: &dyn Vendor, send: &Send) -> Value {
    let outbound = Outbound {
        reply_to: send.reply_to.as_deref(),
        thread: send.thread.as_ref(),
        conversation_id: &send.conversation_id,
        ..Outbound::new(&send.id, &send.to, &send.content)
    };
    match vendor.render(&outbound) {
        Ok(Dispatch::Http(request)) => http(&request),
        Ok(Dispatch::Mail(mail)) => json!({ "mail": letter(&mail) }),
        Err(failure) => json!({ "refused": failure.code, "why": failure.message }),
    }
}

fn http(request: &Request) -> Value {
    let (form, json) = match &request.body {
        Body::Form(pairs) => (json!(pairs), Value::Null),
        Body::Json(body) => (Value::Null, body.clone()),
        Body::Empty | Body::Multipart { .. } => (Value::Null, Value::Null),
    };
    json!({ "method": format!("{:?}", request.method).to_uppercase(), "url": request.url, "form": form, "json": json })
}

fn letter(mail: &Mail) -> Value {
    let person = |person: &Mailbox| json!({ "name": person.name, "address": person.address });
    json!({
        "from": person(&mail.from),
        "to": person(&mail.to),
        "reply_to": mail.reply_to.as_ref().map(person),
        "subject": mail.subject,
        "message_id": mail.message_id,
        "in_reply_to": mail.in_reply_to,
        "references": mail.references,
        "headers": mail.headers,
        "text": mail.text,
        "html": mail.html,
    })
}

fn received(vendor: &dyn Vendor, knock: &Knock, verify: bool) -> Result<Value, Box<dyn Error>> {
    let headers: Vec<_> =
        knock.headers.iter().map(|(name, value)| (name.clone(), value.clone().into_bytes())).collect();
    let body = STANDARD.decode(&knock.body)?;
    let delivery = Delivery { url: &knock.url, headers: &headers, body: &body, now: knock.now };
    let taken = if verify { vendor.take(&delivery) } else { vendor.take_again(&delivery).map_err(Untaken::Malformed) };
    Ok(match taken {
        Ok(parsed) => contents(&parsed),
        Err(Untaken::Unverified) => json!({ "untaken": "unverified" }),
        Err(Untaken::Malformed(why)) => json!({ "untaken": "malformed", "why": why }),
    })
}

fn contents(parsed: &Parsed) -> Value {
    let files: Vec<Value> =
        parsed.files.iter().map(|file| json!({ "id": file.id, "base64": STANDARD.encode(&file.bytes) })).collect();
    json!({ "events": parsed.events, "ignored": parsed.ignored, "files": files })
}
