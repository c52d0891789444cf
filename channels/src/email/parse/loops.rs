//! Whether a machine wrote a mail (RFC 3834 and practice). It decides nothing about bounces.

use crate::email::Settings;
use crate::email::letter::Letter;

/// Why an answer is withheld, by the word of the header that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Automatic {
    /// The word.
    pub(super) reason: &'static str,
    /// A person may have written it all the same: an agent may answer, a canned text may not.
    pub(super) soft: bool,
}

/// Words that begin the subject of an automatic answer, before a colon.
const SUBJECTS: [&str; 16] = [
    "auto",
    "automatic reply",
    "out of office",
    "out of the office",
    "autoreply",
    "auto-reply",
    "abwesenheitsnotiz",
    "automatische antwort",
    "réponse automatique",
    "respuesta automática",
    "risposta automatica",
    "automatisch antwoord",
    "resposta automática",
    "автоответ",
    "自动回复",
    "自動回覆",
];
/// Headers that only robots write.
const ROBOTS: [(&str, &str); 6] = [
    ("x-autoreply", "x-autoreply"),
    ("x-autorespond", "x-autorespond"),
    ("x-autoresponder", "x-autoresponder"),
    ("x-autoreply-from", "x-autoreply"),
    ("x-mail-autoreply", "x-mail-autoreply"),
    ("x-fc-machinegenerated", "x-fc-machinegenerated"),
];

/// Whether a mail is one of our own that came back.
pub(super) fn is_own(settings: &Settings, letter: &Letter) -> bool {
    let senders = letter.sender().into_iter().chain(letter.envelope.from.clone());
    let looped = ["x-switchboard-loop", "x-loop"].into_iter().flat_map(|name| letter.headers(name));
    senders.into_iter().any(|address| settings.is_own(&address))
        || looped.into_iter().any(|mark| settings.is_own(mark.trim()))
}

/// Whether a machine wrote it; the first sign counts.
pub(super) fn automatic(letter: &Letter) -> Option<Automatic> {
    let hard = |reason| Some(Automatic { reason, soft: false });
    let soft = |reason| Some(Automatic { reason, soft: true });
    if letter.header("content-type").is_some_and(|kind| kind.to_ascii_lowercase().starts_with("multipart/report")) {
        return hard("report");
    }
    if letter.headers("auto-submitted").any(|value| !word(value).is_empty() && word(value) != "no") {
        return hard("auto-submitted");
    }
    if letter.envelope.from.as_deref().is_some_and(|from| matches!(from.trim(), "" | "<>")) {
        return hard("null-sender");
    }
    if letter.header("x-switchboard-loop").is_some() {
        return hard("own-loop-header");
    }
    if let Some(reason) = sender(letter) {
        return hard(reason);
    }
    if letter.headers("precedence").any(|value| matches!(word(value).as_str(), "bulk" | "junk" | "list" | "auto_reply"))
    {
        return hard("precedence");
    }
    if ["list-id", "list-post", "list-help", "list-unsubscribe"].into_iter().any(|name| letter.header(name).is_some()) {
        return hard("list");
    }
    if let Some((_, reason)) = ROBOTS.into_iter().find(|(name, _)| letter.header(name).is_some()) {
        return hard(reason);
    }
    if letter.header("x-loop").is_some() {
        return hard("x-loop");
    }
    if let Some(suppressed) = suppressed(letter) {
        return if suppressed { hard("x-auto-response-suppress") } else { soft("x-auto-response-suppress") };
    }
    let subject = letter.subject.as_deref().and_then(|subject| subject.split_once([':', '：']));
    if subject.is_some_and(|(words, _)| SUBJECTS.contains(&words.trim().to_lowercase().as_str())) {
        return hard("subject");
    }
    None
}

/// The value before its parameters, without comments.
fn word(value: &str) -> String {
    let value = value.split(';').next().unwrap_or_default();
    value.split('(').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Senders that no person reads, by their address. In the envelope only the mail system's own names count: people's
/// mail, too, goes out with a sender for bounces there.
fn sender(letter: &Letter) -> Option<&'static str> {
    let plain = |address: &str| -> String {
        let local = address.split('@').next().unwrap_or_default().to_ascii_lowercase();
        local.chars().filter(char::is_ascii_alphanumeric).collect()
    };
    let is_system = |local: &str| matches!(local, "mailerdaemon" | "postmaster");
    if letter.envelope.from.as_deref().is_some_and(|from| is_system(&plain(from))) {
        return Some("system-sender");
    }
    let local = plain(&letter.sender()?);
    let no_reply = ["noreply", "donotreply", "noresponder", "nepasrepondre", "keineantwort"];
    if is_system(&local) || local.starts_with("bounce") {
        Some("system-sender")
    } else if no_reply.iter().any(|name| local.starts_with(name)) {
        Some("no-reply-sender")
    } else {
        None
    }
}

/// Whether automatic answers are unwelcome, and if so, whether all are. Exchange asks for some on ordinary mail.
fn suppressed(letter: &Letter) -> Option<bool> {
    let words: Vec<String> = letter
        .headers("x-auto-response-suppress")
        .flat_map(|value| value.split(','))
        .map(|word| word.trim().to_ascii_lowercase())
        .collect();
    let known = ["all", "autoreply", "oof", "rn", "dr", "nrn"];
    let found = words.iter().any(|word| known.contains(&word.as_str()));
    found.then(|| words.iter().any(|word| word == "all"))
}
