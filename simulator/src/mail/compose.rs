//! What people write by mail, and what mail servers write back: turns a short description into a raw message and
//! hands it to the gateway.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use mail_builder::MessageBuilder;
use mail_builder::headers::raw::Raw;
use serde_json::{Value, json};

use super::Mailbox;
use super::taken::Kept;
use crate::channel::Channel;
use crate::clock::rfc2822;
use crate::customers::Customer;
use crate::webhooks::{Letter, Seal, post};
use crate::world::World;

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

/// A mail ready to be handed over.
struct Draft {
    id: String,
    /// Envelope sender; empty for what servers write.
    from: String,
    to: String,
    raw: Vec<u8>,
}

/// Writes one mail. Answers with its `Message-ID`, its writer and the record of its webhook.
///
/// # Errors
/// A sentence about what the description lacks.
pub fn write(world: &Arc<World>, mailbox: &Mailbox, request: &Value) -> Result<(String, Arc<Customer>, u64), String> {
    let who =
        text(request, "customer").or_else(|| text(request, "from")).ok_or("`customer` or `from` says who writes")?;
    let customer = world.customers.find_or_create(Channel::Email, who);
    let address = customer.email.clone().unwrap_or_default();
    if text(request, "type") == Some("bounce") {
        let about = request.get("bounce").cloned().unwrap_or_default();
        let id = text(&about, "message_id").ok_or("`bounce` needs the `message_id` of a mail of the gateway")?;
        let mail = world.mails.get(id).ok_or_else(|| format!("there is no mail {id}"))?;
        let code = about.get("code").and_then(Value::as_i64).unwrap_or(550);
        let delivery = bounce(world, mailbox, &mail, code, Duration::ZERO);
        return Ok((id.to_owned(), customer, delivery));
    }
    let answered = match text(request, "reply_to") {
        Some(id) => Some(world.mails.get(id).ok_or_else(|| format!("there is no mail {id}"))?),
        None => None,
    };
    let draft = match text(request, "raw_base64") {
        Some(raw) => Draft {
            id: text(request, "message_id").unwrap_or_default().to_owned(),
            from: text(request, "envelope_from").map_or_else(|| address.clone(), str::to_owned),
            to: text(request, "to").unwrap_or(&mailbox.address).to_owned(),
            raw: STANDARD.decode(raw).map_err(|_| "`raw_base64` is not base64".to_owned())?,
        },
        None => compose(world, mailbox, request, &customer, answered.as_ref())?,
    };
    note(world, mailbox, request, &customer, &draft, answered.as_ref());
    world.customers.wrote(&mailbox.address, &customer.id, world.clock.now_ms());
    let id = draft.id.clone();
    Ok((id, customer, hand_over(world, mailbox, draft, Duration::ZERO)))
}

fn hand_over(world: &Arc<World>, mailbox: &Mailbox, draft: Draft, after: Duration) -> u64 {
    let letter = Letter {
        channel: Channel::Email,
        account: mailbox.address.clone(),
        kind: "inbound",
        ids: vec![draft.id],
        body: Bytes::from(draft.raw),
        seal: Seal::Mail { from: draft.from, to: draft.to },
    };
    post(world, letter, after)
}

/// The subject of an answer.
fn answering(subject: &str) -> String {
    let has = subject.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("re:"));
    if has { subject.to_owned() } else { format!("Re: {subject}") }
}

fn compose(
    world: &World,
    mailbox: &Mailbox,
    request: &Value,
    customer: &Customer,
    answered: Option<&Kept>,
) -> Result<Draft, String> {
    let address = customer.email.clone().unwrap_or_default();
    let id =
        text(request, "message_id").map_or_else(|| format!("{}@customer.example", world.ids.sid("m")), str::to_owned);
    let to = text(request, "to").map(str::to_owned).or_else(|| answered.map(|mail| mail.answer_to.clone()));
    let to = to.unwrap_or_else(|| mailbox.address.clone());
    let subject = text(request, "subject").map(str::to_owned).or_else(|| answered.map(|mail| answering(&mail.subject)));
    let subject = subject.unwrap_or_default();
    let at_ms = request.get("timestamp_ms").and_then(Value::as_i64).unwrap_or_else(|| world.clock.now_ms());
    let mut mail = MessageBuilder::new()
        .message_id(id.clone())
        .from((customer.name.clone(), address.clone()))
        .to(to.clone())
        .subject(subject)
        .header("Date", Raw::new(rfc2822(at_ms)));
    if let Some(answered) = answered {
        let mut references = answered.references.clone();
        references.push(answered.id.clone());
        mail = mail.in_reply_to(answered.id.clone()).references(references);
    }
    if text(request, "type") == Some("auto_reply") {
        mail = mail.header("Auto-Submitted", Raw::new("auto-replied"));
    }
    for (name, value) in request.get("headers").and_then(Value::as_object).into_iter().flatten() {
        let value = value.as_str().ok_or_else(|| format!("header `{name}` is a text"))?;
        mail = mail.header(name.clone(), Raw::new(value.to_owned()));
    }
    let words = text(request, "text").unwrap_or_default();
    let quoted = answered.filter(|_| request.get("quote") == Some(&json!(true))).map(quote).unwrap_or_default();
    mail = mail.text_body(format!("{words}\r\n{quoted}"));
    if let Some(html) = text(request, "html") {
        mail = mail.html_body(html.to_owned());
    }
    for file in request.get("attachments").and_then(Value::as_array).into_iter().flatten() {
        let (mime_type, name, bytes) = attachment(world, file)?;
        mail = mail.attachment(mime_type, name, bytes);
    }
    let raw = mail.write_to_vec().map_err(|error| error.to_string())?;
    let from = text(request, "envelope_from").map_or(address, str::to_owned);
    Ok(Draft { id, from, to, raw })
}

/// The mail that is answered, as mail programs put it below the answer.
fn quote(mail: &Kept) -> String {
    let lines: Vec<String> = mail.text.lines().map(|line| format!("> {line}")).collect();
    format!("\r\n{} wrote:\r\n{}\r\n", mail.answer_to, lines.join("\r\n"))
}

fn attachment(world: &World, file: &Value) -> Result<(String, String, Vec<u8>), String> {
    let name = text(file, "filename").map(str::to_owned);
    match (text(file, "id"), text(file, "data_base64")) {
        (Some(id), _) => {
            let kept = world.media.get(id).ok_or_else(|| format!("media {id} has not been uploaded"))?;
            let name = name.or_else(|| kept.filename.clone()).unwrap_or_else(|| "file".to_owned());
            Ok((kept.mime_type.clone(), name, kept.bytes.to_vec()))
        }
        (None, Some(data)) => {
            let bytes = STANDARD.decode(data).map_err(|_| "`data_base64` is not base64".to_owned())?;
            let mime_type = text(file, "mime_type").unwrap_or("application/octet-stream").to_owned();
            Ok((mime_type, name.unwrap_or_else(|| "file".to_owned()), bytes))
        }
        (None, None) => Err("an attachment needs `id` of an upload or `data_base64`".to_owned()),
    }
}

/// Tells listeners what was written, and remembers it so that it can be answered.
fn note(
    world: &World,
    mailbox: &Mailbox,
    request: &Value,
    customer: &Customer,
    draft: &Draft,
    answered: Option<&Kept>,
) {
    let subject = text(request, "subject").map(str::to_owned);
    let subject = subject.or_else(|| answered.map(|mail| answering(&mail.subject))).unwrap_or_default();
    let references = answered.map(|mail| [mail.references.clone(), vec![mail.id.clone()]].concat()).unwrap_or_default();
    let words = text(request, "text").unwrap_or_default().to_owned();
    world.books.note(
        "inbound",
        json!({"channel": "email", "account": mailbox.address, "id": draft.id, "customer": customer.id,
            "message": {"subject": subject, "text": words, "to": draft.to, "references": references,
                "in_reply_to": answered.map(|mail| &mail.id), "attachments": request.get("attachments")},
            "at_ms": world.clock.now_ms()}),
    );
    world.mails.keep(Kept {
        id: draft.id.clone(),
        // Whoever writes once more about the same goes on writing to the same address.
        answer_to: draft.to.clone(),
        subject,
        references,
        returns_to: draft.from.clone(),
        to: vec![draft.to.clone()],
        head: String::new(),
        text: words,
    });
}

/// Sends a delivery report about a mail back to its envelope sender. `code` is the reply that a server gave: with 4xx
/// the mail is delayed, with 5xx it has failed.
pub fn bounce(world: &Arc<World>, mailbox: &Mailbox, mail: &Kept, code: i64, after: Duration) -> u64 {
    let (status, words) = match code {
        552 => ("5.2.2", "Mailbox full"),
        553 | 554 => ("5.7.1", "Message refused"),
        400..=499 => ("4.4.1", "Connection timed out"),
        _ => ("5.1.1", "User unknown"),
    };
    let action = if code < 500 { "delayed" } else { "failed" };
    let to = if mail.returns_to.is_empty() { mailbox.address.clone() } else { mail.returns_to.clone() };
    let id = format!("{}@simulator.example", world.ids.sid("d"));
    let reports: Vec<String> = mail
        .to
        .iter()
        .map(|to| {
            format!(
                "Final-Recipient: rfc822; {to}\r\nAction: {action}\r\nStatus: {status}\r\nDiagnostic-Code: smtp; {code} \
                 {status} <{to}>: {words}\r\n"
            )
        })
        .collect();
    let now = rfc2822(world.clock.now_ms());
    let boundary = format!("=_{}", world.ids.digits());
    let raw = format!(
        "From: Mail Delivery System <MAILER-DAEMON@simulator.example>\r\nTo: {to}\r\nSubject: Undelivered Mail Returned \
         to Sender\r\nDate: {now}\r\nMessage-ID: <{id}>\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"{boundary}\"\r\n\r\n\
         --{boundary}\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nYour message could not be delivered.\r\n\r\n\
         --{boundary}\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; simulator.example\r\n\
         Arrival-Date: {now}\r\n\r\n{}\r\n--{boundary}\r\nContent-Type: text/rfc822-headers\r\n\r\n{}\r\n\r\n\
         --{boundary}--\r\n",
        reports.join("\r\n"),
        mail.head
    );
    let data = json!({"channel": "email", "account": mailbox.address, "id": mail.id, "status": "failed", "code": code});
    if action == "failed" {
        world.books.note("receipt", data);
    }
    // A null sender, so that nothing ever bounces back.
    hand_over(world, mailbox, Draft { id, from: String::new(), to, raw: raw.into_bytes() }, after)
}
