//! What a mail server's word means, said at once or in a bounce. It keeps no list of addresses.

use std::sync::LazyLock;

use regex::Regex;

use super::parse::pattern;
use crate::contract::failure::{Failure, Fault, Retry};
use crate::contract::mail::Reply;
use crate::contract::outbound::{Accepted, Sent};

/// Longest words of a server that are kept, in characters.
const LONGEST_WORDS: usize = 500;

/// A server's judgement: the three digits and the enhanced status code, as far as it gave them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// 250, 421, 550, …
    pub code: Option<u16>,
    /// Class, subject and detail: 5.1.1
    pub enhanced: Option<(u8, u16, u16)>,
}

impl Status {
    /// Reads both out of a server's words; the first of each counts.
    #[must_use]
    pub fn read(words: &str) -> Self {
        static CODE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:^|[^\d.])([245]\d\d)(?:[^\d.]|$)"));
        static ENHANCED: LazyLock<Regex> =
            LazyLock::new(|| pattern(r"(?:^|[^\d.])([245])\.(\d{1,3})\.(\d{1,3})(?:[^\d.]|\.?$|\.\D)"));
        let words = words.get(..words.floor_char_boundary(4_096)).unwrap_or(words);
        let code = CODE.captures(words).and_then(|found| found.get(1)?.as_str().parse().ok());
        let enhanced = ENHANCED.captures(words).and_then(|found| {
            Some((
                found.get(1)?.as_str().parse().ok()?,
                found.get(2)?.as_str().parse().ok()?,
                found.get(3)?.as_str().parse().ok()?,
            ))
        });
        Self { code, enhanced }
    }

    /// What is known of either, this one first.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        // 5.0.0 says nothing that the digits do not say.
        let vague = |(_, subject, detail): &(u8, u16, u16)| *subject == 0 && *detail == 0;
        let enhanced = self.enhanced.filter(|enhanced| !vague(enhanced)).or(other.enhanced).or(self.enhanced);
        Self { code: self.code.or(other.code), enhanced }
    }

    /// Whether the address itself is dead, so that nothing should be sent there again.
    #[must_use]
    pub const fn kills_address(&self) -> bool {
        matches!(self.enhanced, Some((5, 1, 1 | 2 | 3 | 6 | 10)))
    }

    fn vendor_code(&self) -> Option<String> {
        let enhanced = self.enhanced.map(|(class, subject, detail)| format!("{class}.{subject}.{detail}"));
        match (self.code, enhanced) {
            (Some(code), Some(enhanced)) => Some(format!("{code}/{enhanced}")),
            (Some(code), None) => Some(code.to_string()),
            (None, enhanced) => enhanced,
        }
    }
}

/// What the server's last word about a mail means.
#[must_use]
pub fn mailed(mail_id: &str, reply: &Reply) -> Sent {
    if (200..300).contains(&reply.code) {
        return Sent::Accepted(Accepted { id: mail_id.to_owned(), ..Accepted::default() });
    }
    let status = Status { code: (reply.code > 0).then_some(reply.code), ..Status::read(&reply.text) };
    Sent::Refused(classify(&status, &reply.text))
}

/// A refusal as a failure of ours.
#[must_use]
pub fn classify(status: &Status, words: &str) -> Failure {
    let mut failure = class(status);
    failure.vendor_code = status.vendor_code();
    let words: String = words.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST_WORDS).collect();
    failure.vendor_message = (!words.is_empty()).then_some(words);
    failure
}

fn class(status: &Status) -> Failure {
    let unknown = |retry| Failure::new("VENDOR_REFUSED", "The mail server refused the mail.", retry, Fault::Vendor);
    match (status.code, status.enhanced) {
        (Some(530 | 534 | 535 | 538), _) | (_, Some((5, 7, 8..=14))) => {
            let message = "The mail server does not take our user and password.";
            let mut failure = Failure::new("CHANNEL_UNAUTHORISED", message, Retry::Never, Fault::Operator);
            failure.stops_channel = true;
            failure
        }
        (_, Some((4 | 5, 2, 2))) => {
            let message = "The recipient's mailbox is full; a later try may succeed.";
            Failure::new("RECIPIENT_UNREACHABLE", message, Retry::Backoff, Fault::Recipient)
        }
        (_, Some((5, 3, 4) | (5, 2, 3))) => too_large(),
        (_, Some((5, 7, _))) => {
            let message =
                "The recipient's server refuses our mail by its policy; look at SPF, DKIM, DMARC and reputation.";
            Failure::new("CHANNEL_RESTRICTED", message, Retry::Never, Fault::Operator)
        }
        (_, Some((5, 1, 7 | 8) | (5, 1, 9))) => {
            let message = "The mail server does not take our sender's address.";
            Failure::new("CHANNEL_RESTRICTED", message, Retry::Never, Fault::Operator)
        }
        (_, Some((5, 1 | 2 | 4, _))) => unreachable(),
        (_, Some((4, 7, 28))) | (_, Some((4, 4, 5))) => {
            let message = "We send faster than the mail server allows; sending pauses and goes on.";
            Failure::new("RATE_LIMITED_BY_VENDOR", message, Retry::SlowAccount, Fault::Vendor)
        }
        (Some(552), None | Some((5, 0, 0))) => too_large(),
        (Some(550 | 551 | 553), None | Some((5, 0, 0))) => unreachable(),
        (Some(500..=504 | 555), None) => {
            let message = "The mail server does not understand what we said.";
            Failure::new("VENDOR_REFUSED", message, Retry::Never, Fault::Gateway)
        }
        (Some(500..=599), _) | (None, Some((5, _, _))) => unknown(Retry::Never),
        _ => {
            let message = "The mail server cannot take the mail now; it is tried again.";
            Failure::new("VENDOR_UNAVAILABLE", message, Retry::Backoff, Fault::Vendor)
        }
    }
}

fn unreachable() -> Failure {
    let message = "The address does not exist or takes no mail.";
    Failure::new("RECIPIENT_UNREACHABLE", message, Retry::Never, Fault::Recipient)
}

fn too_large() -> Failure {
    let message = "The mail with its files is larger than the recipient's server takes.";
    Failure::new("MESSAGE_TOO_LONG", message, Retry::Never, Fault::Sender)
}

/// The failure of an address whose owner called our mail unwanted.
#[must_use]
pub fn complained() -> Failure {
    let message = "The recipient marked our mail as unwanted.";
    Failure::new("RECIPIENT_COMPLAINED", message, Retry::Never, Fault::Recipient)
}

/// The failure of a bounce that gives no code: the provider's word decides.
#[must_use]
pub fn bounced(permanent: bool, status: &Status, words: &str) -> Failure {
    if *status != Status::default() {
        return classify(status, words);
    }
    let mut failure = if permanent { unreachable() } else { class(status) };
    failure.vendor_message = classify(status, words).vendor_message;
    failure
}
