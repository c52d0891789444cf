//! Machine-readable reports about mail that we sent: bounces (RFC 3464), read receipts (RFC 3798), complaints
//! (RFC 5965), and bounces that follow no standard. A report about nothing of ours changes nothing.

use std::collections::BTreeMap;

use super::decoding;
use super::names::{self, ids};
use super::threads::addresses;
use crate::contract::failure::Failure;
use crate::contract::inbound::{Event, Progress, Receipt, Unreachable};
use crate::contract::peer::{Identity, IdentityKind};
use crate::email::Settings;
use crate::email::letter::{Letter, Part};
use crate::email::outcome::{self, Status};
use crate::email::tokens::{self, Purpose};

/// Most recipients of one report.
const MOST: usize = 100;

/// What a report says.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) events: Vec<Event>,
    /// What moves nothing, and why.
    pub(super) passed_over: Vec<String>,
}

/// Fields of a block of a report, names in lower case.
type Block = BTreeMap<String, String>;

/// The mail that a report is about.
#[derive(Debug, Default)]
struct About {
    message_id: Option<String>,
    /// Our id of it, proved by our own signature.
    tracking: Option<String>,
}

/// Reads a report; none when the mail is none.
pub(super) fn read(settings: &Settings, letter: &Letter) -> Option<Report> {
    let kind = letter.header("content-type").unwrap_or_default().to_ascii_lowercase();
    let null = letter.envelope.from.as_deref().is_some_and(|from| matches!(from.trim(), "" | "<>"));
    if !kind.starts_with("multipart/report") && !null && !is_system(letter) {
        return None;
    }
    let of = |kinds: &[&str]| letter.parts.iter().find(|part| kinds.contains(&part.mime_type.as_str()));
    let about = about(settings, letter);
    if let Some(part) = of(&["message/delivery-status", "message/global-delivery-status"]) {
        return Some(delivery(&about, letter, &blocks(part)));
    }
    if let Some(part) = of(&["message/disposition-notification"]) {
        return Some(disposition(settings, about, letter, &blocks(part)));
    }
    if let Some(part) = of(&["message/feedback-report"]) {
        return Some(feedback(&about, letter, &blocks(part)));
    }
    unstandard(&about, letter)
}

fn is_system(letter: &Letter) -> bool {
    letter.sender().is_some_and(|sender| sender.starts_with("mailer-daemon@") || sender.starts_with("postmaster@"))
}

/// The blocks of fields in a part.
fn blocks(part: &Part) -> Vec<Block> {
    let text = decoding::text(names::bounded(&part.bytes, super::mime::MOST_TEXT), None);
    let mut blocks = vec![Block::new()];
    let mut last: Option<String> = None;
    for line in text.lines() {
        if line.trim().is_empty() {
            if blocks.last().is_some_and(|block| !block.is_empty()) && blocks.len() <= MOST {
                blocks.push(Block::new());
            }
            last = None;
        } else if line.starts_with([' ', '\t']) {
            let field = last.as_ref().and_then(|name| blocks.last_mut()?.get_mut(name));
            if let Some(value) = field {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            let name = name.trim().to_ascii_lowercase();
            if let Some(block) = blocks.last_mut() {
                block.entry(name.clone()).or_insert_with(|| value.trim().to_owned());
            }
            last = Some(name);
        }
    }
    blocks
}

fn about(settings: &Settings, letter: &Letter) -> About {
    let named = addresses(letter).find_map(|address| tokens::named(settings, Purpose::Bounce, &address));
    let quoted = letter.parts.iter().filter(|part| {
        matches!(
            part.mime_type.as_str(),
            "message/rfc822"
                | "message/rfc822-headers"
                | "text/rfc822-headers"
                | "message/global"
                | "message/global-headers"
        )
    });
    let mut found: Vec<String> = quoted
        .flat_map(|part| {
            blocks(part).first().and_then(|block| block.get("message-id")).map(|id| ids(id)).unwrap_or_default()
        })
        .collect();
    let linked = ["in-reply-to", "references"].into_iter().flat_map(|name| letter.headers(name)).flat_map(ids);
    let own = linked.filter(|id| tokens::own_message(settings, id).is_some());
    found.extend(own);
    // A bounce of no standard quotes the mail in its text.
    if found.is_empty() {
        let text = letter.text.as_deref().unwrap_or_default();
        let lines = text
            .lines()
            .filter(|line| line.trim_start_matches(['>', ' ']).to_ascii_lowercase().starts_with("message-id:"));
        found.extend(lines.flat_map(ids));
    }
    let signed = found.iter().find_map(|id| tokens::own_message(settings, id));
    let tracking = named.or(signed);
    let message_id = found.into_iter().next().or_else(|| tracking.as_ref().map(|id| tokens::message_id(settings, id)));
    About { message_id, tracking }
}

fn delivery(about: &About, letter: &Letter, blocks: &[Block]) -> Report {
    let mut report = Report::default();
    for block in blocks.iter().filter(|block| block.contains_key("action") || block.contains_key("final-recipient")) {
        let address =
            ["original-recipient", "final-recipient"].into_iter().find_map(|name| recipient(block.get(name)?));
        let words = block.get("diagnostic-code").cloned().unwrap_or_default();
        let status =
            Status::read(&words).or(block.get("status").map(|status| Status::read(status)).unwrap_or_default());
        let action = block.get("action").map(|action| action.to_ascii_lowercase()).unwrap_or_default();
        match action.split([' ', ';', '(']).next().unwrap_or_default() {
            "failed" => failed(&mut report, about, letter, address, &status, &words),
            "delivered" => receipt(&mut report, about, letter, address, Progress::Delivered, Vec::new()),
            "relayed" | "expanded" => receipt(&mut report, about, letter, address, Progress::Sent, Vec::new()),
            "delayed" => report.passed_over.push("the mail is delayed, which is no failure".to_owned()),
            _ => report.passed_over.push("a report without a known action".to_owned()),
        }
    }
    if report.events.is_empty() && report.passed_over.is_empty() {
        report.passed_over.push("a report about no recipient".to_owned());
    }
    report
}

fn failed(report: &mut Report, about: &About, letter: &Letter, address: Option<String>, status: &Status, words: &str) {
    let failure = outcome::bounced(true, status, words);
    // Strangers must not be able to silence our people: only our own signature proves that we wrote there.
    if let Some(address) = address.as_ref().filter(|_| about.tracking.is_some() && status.kills_address()) {
        report.events.push(unreachable(address, failure.clone(), letter.at));
    }
    receipt(report, about, letter, address, Progress::Failed, vec![failure]);
}

fn unreachable(address: &str, failure: Failure, at: Option<i64>) -> Event {
    Event::Unreachable(Unreachable { identity: Identity::new(IdentityKind::Email, address), failure, at })
}

fn receipt(
    report: &mut Report,
    about: &About,
    letter: &Letter,
    to: Option<String>,
    progress: Progress,
    failures: Vec<Failure>,
) {
    let Some(id) = about.message_id.clone() else {
        report.passed_over.push("a report about no mail that it names".to_owned());
        return;
    };
    report.events.push(Event::Receipt(Box::new(Receipt {
        id,
        tracking: about.tracking.clone(),
        progress,
        at: letter.at,
        recipient: to.into_iter().map(|address| Identity::new(IdentityKind::Email, address)).collect(),
        participant: Vec::new(),
        failures,
        pricing: None,
    })));
}

fn disposition(settings: &Settings, mut about: About, letter: &Letter, blocks: &[Block]) -> Report {
    let mut report = Report::default();
    let field = |name: &str| blocks.iter().find_map(|block| block.get(name));
    if let Some(id) = field("original-message-id").and_then(|value| ids(value).into_iter().next()) {
        about.tracking = tokens::own_message(settings, &id);
        about.message_id = Some(id);
    }
    let shown = field("disposition").is_some_and(|value| value.to_ascii_lowercase().contains("displayed"));
    if shown {
        let reader = field("final-recipient").and_then(|value| recipient(value)).or_else(|| letter.sender());
        receipt(&mut report, &about, letter, reader, Progress::Read, Vec::new());
    } else {
        report.passed_over.push("a read receipt that says something else".to_owned());
    }
    report
}

fn feedback(about: &About, letter: &Letter, blocks: &[Block]) -> Report {
    let mut report = Report::default();
    let field = |name: &str| blocks.iter().find_map(|block| block.get(name));
    let unwanted = field("feedback-type").is_none_or(|kind| !kind.eq_ignore_ascii_case("not-spam"));
    let address = ["original-rcpt-to", "removal-recipient"].into_iter().find_map(|name| recipient(field(name)?));
    match address.filter(|_| unwanted && about.tracking.is_some()) {
        Some(address) => report.events.push(unreachable(&address, outcome::complained(), letter.at)),
        None => report.passed_over.push("a complaint about no mail that we can know again".to_owned()),
    }
    report
}

/// A bounce of no standard: somebody's words and a code in them, about a mail that is ours for sure.
fn unstandard(about: &About, letter: &Letter) -> Option<Report> {
    about.tracking.as_ref()?;
    let listed = letter.header("x-failed-recipients").and_then(|list| recipient(list.split(',').next()?));
    // An out-of-office note has no sender either, and may well hold a number that looks like a code.
    if listed.is_none() && !is_system(letter) {
        return None;
    }
    let text = letter.text.as_deref().unwrap_or_default();
    let line = text.lines().take(500).find(|line| Status::read(line).code.is_some_and(|code| code >= 400));
    let status = line.map(Status::read).unwrap_or_default();
    if listed.is_none() && line.is_none() {
        return None;
    }
    let mut report = Report::default();
    if status.code.is_some_and(|code| code < 500) && listed.is_none() {
        report.passed_over.push("the mail is delayed, which is no failure".to_owned());
        return Some(report);
    }
    failed(&mut report, about, letter, listed, &status, line.unwrap_or_default());
    Some(report)
}

/// The address in `rfc822; ana@example.com`, in lower case.
fn recipient(value: &str) -> Option<String> {
    let value = value.rsplit(';').next().unwrap_or(value).trim();
    names::address(value).map(|address| address.to_lowercase())
}
