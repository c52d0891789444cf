//! The providers' fields as they spell them: what became of mails that we sent. Fields of another type than expected
//! are as if they were absent.

use serde_json::Value;

use super::outcome::Status;

/// How far a mail came, or what its recipient said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The recipient's server has it.
    Delivered,
    /// It was opened.
    Read,
    /// It will not arrive.
    Failed {
        /// The address takes no mail at all.
        dead: bool,
    },
    /// Its recipient calls it unwanted.
    Complained,
    /// Its recipient wants no more, or again.
    Consent {
        /// True: go on.
        granted: bool,
    },
    /// Something that moves nothing.
    Other,
}

/// What became of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct News {
    pub(super) step: Step,
    /// The provider's word for it.
    pub(super) word: String,
    pub(super) recipient: Option<String>,
    /// `Message-ID`, or what the provider calls the mail.
    pub(super) message_id: Option<String>,
    /// What we gave the provider to give back.
    pub(super) tracking: Option<String>,
    pub(super) at: Option<i64>,
    pub(super) status: Status,
    /// The reason in words.
    pub(super) words: String,
}

/// The name under which a provider gives our id back.
pub(super) const TRACKING: &str = "switchboard";

pub(super) fn text(value: &Value, pointer: &str) -> Option<String> {
    match value.pointer(pointer)? {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

pub(super) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Seconds, whole or not, in milliseconds.
fn seconds(value: &Value, pointer: &str) -> Option<i64> {
    let seconds: f64 = text(value, pointer)?.parse().ok()?;
    let plausible = (0.0..1e11).contains(&seconds);
    #[expect(clippy::cast_possible_truncation, reason = "the range was looked at")]
    plausible.then_some((seconds * 1_000.0).round() as i64)
}

/// A time of RFC 3339 in milliseconds.
pub(super) fn moment(value: &Value, pointer: &str) -> Option<i64> {
    let date = mail_parser::DateTime::parse_rfc3339(&text(value, pointer)?)?;
    date.is_valid().then(|| date.to_timestamp().saturating_mul(1_000))
}

fn words(value: &Value, pointers: &[&str]) -> String {
    let words: Vec<String> = pointers.iter().filter_map(|pointer| text(value, pointer)).collect();
    words.join(" ")
}

/// The member `event-data` of a Mailgun webhook.
pub(super) fn mailgun(event: &Value) -> News {
    let word = text(event, "/event").unwrap_or_default();
    let reason = words(event, &["/delivery-status/code", "/delivery-status/enhanced-code", "/delivery-status/message"]);
    let reason = if reason.is_empty() { words(event, &["/reason", "/delivery-status/description"]) } else { reason };
    let status = Status::read(&reason);
    let permanent = text(event, "/severity").as_deref() != Some("temporary");
    let step = match word.as_str() {
        "delivered" => Step::Delivered,
        "opened" | "clicked" => Step::Read,
        "failed" | "rejected" if permanent => Step::Failed { dead: status.kills_address() },
        "complained" => Step::Complained,
        "unsubscribed" => Step::Consent { granted: false },
        _ => Step::Other,
    };
    News {
        step,
        word,
        recipient: text(event, "/recipient"),
        message_id: text(event, "/message/headers/message-id"),
        tracking: text(event, &format!("/user-variables/{TRACKING}")),
        at: seconds(event, "/timestamp"),
        status,
        words: reason,
    }
}

/// An element of `SendGrid`'s Event Webhook.
pub(super) fn sendgrid(event: &Value) -> News {
    let word = text(event, "/event").unwrap_or_default();
    let reason = words(event, &["/status", "/reason"]);
    let status = Status::read(&reason);
    let blocked = text(event, "/type").as_deref() == Some("blocked");
    let known_dead = ["Bounced Address", "Invalid"].contains(&text(event, "/reason").unwrap_or_default().as_str());
    let step = match word.as_str() {
        "delivered" => Step::Delivered,
        "open" | "click" => Step::Read,
        "bounce" => Step::Failed { dead: !blocked && (status.kills_address() || status.enhanced.is_none()) },
        "dropped" => Step::Failed { dead: known_dead },
        "spamreport" => Step::Complained,
        "unsubscribe" | "group_unsubscribe" => Step::Consent { granted: false },
        "group_resubscribe" => Step::Consent { granted: true },
        _ => Step::Other,
    };
    News {
        step,
        word,
        recipient: text(event, "/email"),
        message_id: text(event, "/smtp-id").or_else(|| text(event, "/sg_message_id")),
        tracking: text(event, &format!("/{TRACKING}")),
        at: seconds(event, "/timestamp"),
        status,
        words: reason,
    }
}

/// A Postmark webhook about a mail that was sent.
pub(super) fn postmark(event: &Value) -> News {
    let word = text(event, "/RecordType").unwrap_or_default();
    let kind = text(event, "/Type").unwrap_or_default();
    let reason = words(event, &["/Details", "/Description"]);
    let suppressed = event.pointer("/SuppressSending").and_then(Value::as_bool).unwrap_or_default();
    let step = match (word.as_str(), kind.as_str()) {
        ("Delivery", _) => Step::Delivered,
        ("Open" | "Click", _) => Step::Read,
        ("SpamComplaint", _) | ("Bounce", "SpamComplaint" | "SpamNotification") => Step::Complained,
        ("Bounce", "HardBounce" | "BadEmailAddress") => Step::Failed { dead: true },
        ("Bounce", "Unsubscribe") => Step::Consent { granted: false },
        ("Bounce", "AutoResponder" | "AddressChange" | "Subscribe" | "ChallengeVerification" | "OpenRelayTest") => {
            Step::Other
        }
        ("Bounce", _) => Step::Failed { dead: false },
        ("SubscriptionChange", _) => Step::Consent { granted: !suppressed },
        _ => Step::Other,
    };
    let moments = ["/DeliveredAt", "/BouncedAt", "/ReceivedAt", "/ChangedAt"];
    News {
        step,
        word: if kind.is_empty() { word } else { format!("{word} {kind}") },
        recipient: text(event, "/Email").or_else(|| text(event, "/Recipient")),
        message_id: text(event, "/MessageID"),
        tracking: text(event, &format!("/Metadata/{TRACKING}")),
        at: moments.iter().find_map(|pointer| moment(event, pointer)),
        status: Status::read(&reason),
        words: reason,
    }
}

/// A notification or event of Amazon SES about a mail that was sent: one for each recipient.
pub(super) fn ses(event: &Value) -> Vec<News> {
    let word = text(event, "/notificationType").or_else(|| text(event, "/eventType")).unwrap_or_default();
    let (step, recipients, at) = match word.as_str() {
        "Bounce" => {
            let permanent = text(event, "/bounce/bounceType").as_deref() == Some("Permanent");
            (Step::Failed { dead: permanent }, list(event, "/bounce/bouncedRecipients"), "/bounce/timestamp")
        }
        "Complaint" => (Step::Complained, list(event, "/complaint/complainedRecipients"), "/complaint/timestamp"),
        "Delivery" => (Step::Delivered, list(event, "/delivery/recipients"), "/delivery/timestamp"),
        "Open" => (Step::Read, list(event, "/mail/destination"), "/open/timestamp"),
        "Click" => (Step::Read, list(event, "/mail/destination"), "/click/timestamp"),
        "Reject" => (Step::Failed { dead: false }, list(event, "/mail/destination"), "/mail/timestamp"),
        _ => (Step::Other, list(event, "/mail/destination"), "/mail/timestamp"),
    };
    let header = list(event, "/mail/headers")
        .iter()
        .find(|header| text(header, "/name").is_some_and(|name| name.eq_ignore_ascii_case("message-id")));
    let message_id = header.and_then(|header| text(header, "/value")).or_else(|| text(event, "/mail/messageId"));
    let each = |recipient: &Value| {
        let reason = words(recipient, &["/diagnosticCode", "/status"]);
        let reason =
            if reason.is_empty() { words(event, &["/reject/reason", "/bounce/bounceSubType"]) } else { reason };
        let status = Status::read(&reason);
        let step = match step {
            // Its own list of addresses, a full box or a policy are no proof that the address is dead.
            Step::Failed { dead } => {
                Step::Failed { dead: dead && (status.enhanced.is_none() || status.kills_address()) }
            }
            step => step,
        };
        News {
            step,
            word: word.clone(),
            recipient: recipient.as_str().map(str::to_owned).or_else(|| text(recipient, "/emailAddress")),
            message_id: message_id.clone(),
            tracking: text(event, &format!("/mail/tags/{TRACKING}/0")),
            at: moment(event, at),
            status,
            words: reason,
        }
    };
    recipients.iter().map(each).collect()
}
