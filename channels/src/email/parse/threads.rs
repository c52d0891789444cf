//! Which conversation a mail says it belongs to. Headers are claims: whether the sender takes part in that
//! conversation is for the gateway to see.

use std::sync::LazyLock;

use regex::Regex;

use super::names::{ids, pattern};
use crate::contract::inbound::Thread;
use crate::email::Settings;
use crate::email::letter::Letter;
use crate::email::tokens::{self, Purpose};

/// Most ids that are kept, from the nearest on.
const MOST_REFERENCES: usize = 50;
/// Headers that name a recipient of ours, in the order in which they count.
const RECIPIENTS: [&str; 4] = ["delivered-to", "x-original-to", "x-envelope-to", "envelope-to"];

/// Reads what a mail continues.
pub(super) fn thread(settings: &Settings, letter: &Letter) -> Thread {
    let mut references: Vec<String> = Vec::new();
    let answered = letter.headers("in-reply-to").flat_map(ids);
    let mut before: Vec<String> = letter.headers("references").flat_map(ids).collect();
    before.reverse();
    for id in answered.chain(before) {
        if references.len() < MOST_REFERENCES && !references.contains(&id) {
            references.push(id);
        }
    }
    let conversation_id = addresses(letter).find_map(|address| tokens::named(settings, Purpose::Reply, &address));
    let sender = letter.sender();
    let reply_address = match letter.reply_to.as_slice() {
        // An answer to ourselves would go in circles.
        [person] => person.address.clone().filter(|address| !settings.is_own(address)),
        _ => None,
    };
    let reply_address =
        reply_address.map(|address| address.to_lowercase()).filter(|address| Some(address) != sender.as_ref());
    let subject = letter.subject.clone();
    let base_subject = subject.as_deref().map(base_subject);
    let is_reply = subject.as_deref().is_some_and(|subject| PREFIX.is_match(subject.trim()) && !is_forward(subject));
    Thread { references, conversation_id, subject, base_subject, is_reply, reply_address }
}

/// Everybody to whom the mail came, the envelope's word first.
pub(super) fn addresses(letter: &Letter) -> impl Iterator<Item = String> {
    let named =
        RECIPIENTS.into_iter().flat_map(|name| letter.headers(name)).map(|value| value.trim_matches(['<', '>', ' ']));
    let all =
        letter.envelope.to.iter().map(String::as_str).chain(letter.recipients.iter().map(String::as_str)).chain(named);
    all.map(str::to_owned)
}

static PREFIX: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?i)^(?:(?:re|fwd?|aw|wg|sv|vs|vb|antw|ant|odp|pd|rv|res|enc|tr|ref|ynt|ilt|r|i|doorst|vl|回复|回覆|答复|转发|轉寄|отв|πρ|σχετ)",
        r"(?:\[\d+\]|\(\d+\)|\^\d+)?\s*[:：]|\[[^\[\]]{1,60}\])\s*"
    ))
});
static FORWARD_PREFIX: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)^(?:fwd?|wg|vb|pd|rv|enc|tr|ilt|doorst|vl|转发|轉寄)\s*[:：]"));

/// The subject without what mail programs put around it; empty when nothing else was there.
#[must_use]
pub fn base_subject(subject: &str) -> String {
    let collapsed = subject.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut rest = collapsed.as_str();
    loop {
        let before = rest;
        if let Some(prefix) = PREFIX.find(rest) {
            rest = rest.get(prefix.end()..).unwrap_or_default();
        }
        let tail =
            rest.len().checked_sub(5).and_then(|at| rest.get(at..)).filter(|tail| tail.eq_ignore_ascii_case("(fwd)"));
        if let Some(tail) = tail {
            rest = rest.strip_suffix(tail).unwrap_or(rest).trim_end();
        }
        if rest == before {
            return rest.to_owned();
        }
    }
}

/// Whether the subject says that the mail passes another on.
pub(super) fn is_forward(subject: &str) -> bool {
    FORWARD_PREFIX.is_match(subject.trim_start())
}
