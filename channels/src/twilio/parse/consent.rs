//! Words by which people stop and start messages. The vendor answers some of them itself and blocks what follows; what
//! it answered wants no answer of ours.

use crate::contract::inbound::{Consent, Event};
use crate::contract::peer::Peer;
use crate::twilio::wire::Fields;
use crate::twilio::{Carrier, Settings};

/// What a stop is about: the vendor knows no categories.
const EVERYTHING: &str = "all_messages";
/// Words that mean nothing but stop, wherever they are written.
const STOP: [&str; 4] = ["STOP", "STOPALL", "UNSUBSCRIBE", "OPTOUT"];
/// Words that mean stop where the vendor acts on them, and are ordinary answers elsewhere.
const STOP_WHERE_HANDLED: [&str; 4] = ["CANCEL", "END", "QUIT", "REVOKE"];
/// `YES` starts again, too, but only for those who had stopped, which nobody knows here: the vendor then says so itself.
const START: [&str; 2] = ["START", "UNSTOP"];
const HELP: [&str; 2] = ["HELP", "INFO"];

/// What a message means for what the person receives.
pub(super) struct Wish {
    /// True: go on; false: stop; nothing: it is about something else.
    pub(super) granted: Option<bool>,
    /// Nobody has answered it yet.
    pub(super) wants_answer: bool,
}

/// Reads the wish in a message, if it is one: the vendor's own word for it, or one keyword alone.
pub(super) fn wish(carrier: Carrier, fields: &Fields, settings: &Settings) -> Wish {
    let nothing = Wish { granted: None, wants_answer: true };
    match fields.get("OptOutType").map(str::trim) {
        Some("STOP") => return Wish { granted: Some(false), wants_answer: false },
        Some("START") => return Wish { granted: Some(true), wants_answer: false },
        Some("HELP") => return Wish { granted: None, wants_answer: false },
        _ => {}
    }
    // A button that says "Stop" is an answer to its own message.
    let chosen =
        ["ButtonText", "ButtonPayload", "ListId", "ListTitle"].into_iter().any(|name| fields.get(name).is_some());
    let Some(word) = fields.get("Body").filter(|_| !chosen).map(keyword) else { return nothing };
    let handled = carrier != Carrier::Whatsapp && is_handled(fields);
    let one_of = |words: &[&str]| words.contains(&word.as_str());
    let ours = |words: &[String]| words.iter().any(|own| keyword(own) == word);
    if one_of(&STOP) || (handled && one_of(&STOP_WHERE_HANDLED)) || ours(&settings.stop_words) {
        return Wish { granted: Some(false), wants_answer: false };
    }
    if one_of(&START) || ours(&settings.start_words) {
        return Wish { granted: Some(true), wants_answer: !(handled && one_of(&START)) };
    }
    Wish { granted: None, wants_answer: !(handled && one_of(&HELP)) }
}

/// Whether the vendor answers keywords itself: numbers of North America do, and messaging services everywhere.
fn is_handled(fields: &Fields) -> bool {
    fields.get("MessagingServiceSid").is_some() || fields.get("To").is_some_and(|to| to.trim().starts_with("+1"))
}

/// A word without case, blanks around it and final punctuation.
fn keyword(text: &str) -> String {
    text.trim().trim_end_matches(['.', '!', '?', ',', ';', ':', '…', '。', '！']).trim_end().to_uppercase()
}

/// The wish as an event.
pub(super) fn event(peer: Peer, granted: bool) -> Event {
    Event::Consent(Consent { peer, category: EVERYTHING.to_owned(), granted, at: None })
}
