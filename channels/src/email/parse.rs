//! A verified delivery, read into events: mail that came, and news of mail that went. Every way in turns into one
//! `Letter`, and one function makes events of it; nothing here decides what an event means for a conversation.

mod authenticity;
mod decoding;
mod files;
mod hidden;
mod html;
mod letters;
mod loops;
mod mailgun;
mod markup;
mod mime;
mod names;
mod news;
mod postmark;
mod prose;
mod quoting;
mod reports;
mod sendgrid;
mod ses;
mod threads;
mod visible;

use serde_json::Value;

use super::letter::Envelope;
use super::verify::Verified;
use super::{Provider, Settings};
use crate::contract::inbound::{Arrival, Event, Ignored, Parsed};
pub(super) use names::pattern;
pub use threads::base_subject;

/// Reads a verified delivery.
///
/// # Errors
/// Why it is not of the provider's shape, without any of its content.
pub fn delivery(settings: &Settings, verified: &Verified<'_>) -> Result<Parsed, String> {
    match settings.provider {
        Provider::Mailgun => mailgun::read(settings, verified),
        Provider::Sendgrid => sendgrid::read(settings, verified),
        Provider::Postmark => postmark::read(settings, verified),
        Provider::Ses => ses::read(settings, verified),
        Provider::Generic => raw(settings, verified.body(), generic_envelope(verified)),
        // Nothing of it comes by HTTP: what is read here was fetched from the mailbox.
        Provider::Imap => raw(settings, verified.body(), Envelope::default()),
    }
}

/// Reads a raw mail, as it lies in a mailbox or comes by LMTP.
///
/// # Errors
/// It is empty.
pub fn raw(settings: &Settings, bytes: &[u8], envelope: Envelope) -> Result<Parsed, String> {
    let mut letter = mime::letter(bytes, envelope)?;
    if letter.envelope.from.is_none() && settings.provider == Provider::Imap {
        // The server that put the mail into the mailbox writes the envelope's sender above all else.
        let returned = letter.header("return-path").map(|path| path.trim_matches(['<', '>', ' ']).to_owned());
        letter.envelope.from = returned;
    }
    Ok(letters::events(settings, letter))
}

fn generic_envelope(verified: &Verified<'_>) -> Envelope {
    let to =
        verified.headers("x-envelope-to").flat_map(|value| value.split(',').map(str::to_owned).collect::<Vec<_>>());
    Envelope {
        from: verified.headers("x-envelope-from").next().map(|from| from.trim_matches(['<', '>', ' ']).to_owned()),
        to: to.filter_map(|address| names::address(&address)).collect(),
    }
}

/// Reads a body of JSON.
fn json(body: &[u8]) -> Result<Value, String> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    serde_json::from_slice(body)
        .map_err(|error| format!("{:?} error in line {} column {}", error.classify(), error.line(), error.column()))
}

/// Everything of one account, in order.
fn parsed(settings: &Settings, events: Vec<Event>, ignored: Vec<(String, String)>) -> Parsed {
    let arrival = |event| Arrival { account: Some(settings.address.clone()), business: None, event };
    Parsed {
        events: events.into_iter().map(arrival).collect(),
        ignored: ignored.into_iter().map(|(path, reason)| Ignored { path, reason }).collect(),
        files: Vec::new(),
    }
}
