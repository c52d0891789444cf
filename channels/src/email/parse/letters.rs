//! A mail to events: what a person wrote, or what a machine reports. It knows no provider.

use super::{authenticity, files, html, loops, names, parsed, reports, threads, visible};
use crate::contract::content::{Content, Email};
use crate::contract::inbound::{Event, Message, Parsed};
use crate::contract::peer::{Identity, IdentityKind, Peer};
use crate::email::Settings;
use crate::email::letter::Letter;

/// A plain text this many times shorter than the HTML beside it is a stub.
const STUB: usize = 10;
/// Shortest HTML text that a plain text can be a stub of, in characters.
const STUB_FROM: usize = 200;
/// What a mail without any words says.
const WORDLESS: &str = "(no text)";

/// Makes events of a mail.
pub(super) fn events(settings: &Settings, letter: Letter) -> Parsed {
    let passed = |reason: &str| parsed(settings, Vec::new(), vec![("mail".to_owned(), reason.to_owned())]);
    if loops::is_own(settings, &letter) {
        return passed("our own mail came back");
    }
    if let Some(report) = reports::read(settings, &letter) {
        let ignored = report.passed_over.into_iter().map(|reason| ("mail".to_owned(), reason)).collect();
        return parsed(settings, report.events, ignored);
    }
    let Some(peer) = peer(&letter) else { return passed("no sender: it could not be attributed") };
    message(settings, letter, peer)
}

fn peer(letter: &Letter) -> Option<Peer> {
    let envelope = || letter.envelope.from.as_deref().and_then(names::address).map(|address| address.to_lowercase());
    let address = letter.sender().or_else(envelope)?;
    let name = letter.from.iter().find(|person| person.address.is_some()).and_then(|person| person.name.clone());
    // A name that is an address is somebody else's.
    let name = name.filter(|name| !name.contains('@'));
    Some(Peer { identities: vec![Identity::new(IdentityKind::Email, address)], name, ..Peer::default() })
}

fn message(settings: &Settings, letter: Letter, peer: Peer) -> Parsed {
    let page = letter.html.as_deref().map(html::page);
    let plain = letter.text.as_deref().map(str::trim_end).filter(|text| !text.trim().is_empty());
    let rich = page.as_ref().map(|page| &page.reading).filter(|reading| !reading.whole.is_empty());
    let (whole, fresh) = match (plain, rich) {
        (Some(plain), Some(rich)) if is_stub(plain, &rich.whole) => (rich.whole.as_str(), rich.fresh.as_str()),
        (Some(plain), _) => (plain, plain),
        (None, Some(rich)) => (rich.whole.as_str(), rich.fresh.as_str()),
        (None, None) => ("", ""),
    };
    let fresh = if fresh.trim().is_empty() { whole } else { fresh };
    let mut text = visible::fold(fresh, settings.reply_marker.as_deref());
    if text.is_empty() {
        text = letter.subject.clone().unwrap_or_else(|| WORDLESS.to_owned());
    }
    let full_text = (!whole.trim().is_empty() && whole.trim() != text).then(|| whole.to_owned());
    let automatic = loops::automatic(&letter);
    let thread = threads::thread(settings, &letter);
    let id = letter.headers("message-id").find_map(|value| names::ids(value).into_iter().next());
    let shows = page.as_ref().map(|page| page.shows.clone()).unwrap_or_default();
    let authenticated = authenticity::verdict(settings, &letter);
    let (attachments, carried) = files::media(letter.parts, &shows);
    let content = Content::Email(Email {
        subject: letter.subject.clone(),
        text,
        full_text,
        html: page.map(|page| page.html).filter(|html| !html.trim().is_empty()),
        attachments,
        automatic: automatic.map(|automatic| automatic.reason.to_owned()),
        authenticated,
    });
    let event = Event::Message(Box::new(Message {
        id: id.unwrap_or_else(|| format!("{}@unnamed.{}", letter.digest, settings.domain())),
        peer,
        at: letter.at,
        content,
        reply_to: thread.references.first().cloned(),
        forwarded: letter.subject.as_deref().is_some_and(threads::is_forward),
        referral: None,
        opens_window: true,
        wants_answer: automatic.is_none_or(|automatic| automatic.soft),
        thread: Some(thread),
    }));
    Parsed { files: carried, ..parsed(settings, vec![event], letter.left_out) }
}

/// Whether the plain text only says that there is HTML.
fn is_stub(plain: &str, rich: &str) -> bool {
    let (plain, rich) = (plain.trim().chars().count(), rich.chars().count());
    rich >= STUB_FROM && plain * STUB < rich
}
