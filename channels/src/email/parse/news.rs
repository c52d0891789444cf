//! What a provider reports of a mail that we sent, as events. The provider is believed: its report was verified.

use super::names::{address, ids};
use crate::contract::inbound::{Consent, Event, Progress, Receipt, Unreachable};
use crate::contract::peer::{Identity, IdentityKind, Peer};
use crate::email::wire::{News, Step};
use crate::email::{Settings, outcome, tokens};

/// What a person who unsubscribes no longer wants.
const CATEGORY: &str = "email";

/// The events of a report.
///
/// # Errors
/// Why there are none.
pub(super) fn events(settings: &Settings, news: News) -> Result<Vec<Event>, String> {
    let recipient = news.recipient.as_deref().and_then(address).map(|address| address.to_lowercase());
    let identity = recipient.map(|address| Identity::new(IdentityKind::Email, address));
    let (progress, failure) = match news.step {
        Step::Delivered => (Progress::Delivered, None),
        Step::Read => (Progress::Read, None),
        Step::Failed { dead } => (Progress::Failed, Some(outcome::bounced(dead, &news.status, &news.words))),
        Step::Complained => {
            let identity = identity.ok_or("a complaint of nobody")?;
            return Ok(vec![Event::Unreachable(Unreachable { identity, failure: outcome::complained(), at: news.at })]);
        }
        Step::Consent { granted } => {
            let identities = vec![identity.ok_or("a wish of nobody")?];
            let peer = Peer { identities, ..Peer::default() };
            return Ok(vec![Event::Consent(Consent { peer, category: CATEGORY.to_owned(), granted, at: news.at })]);
        }
        Step::Other => return Err("it moves no message".to_owned()),
    };
    let named = news.message_id.as_deref().and_then(|id| ids(id).into_iter().next().or_else(|| bare(id)));
    let signed = named.as_deref().and_then(|id| tokens::own_message(settings, id));
    let tracking = news.tracking.filter(|id| id.len() <= 512).or(signed);
    let ours = tracking.as_ref().map(|id| tokens::message_id(settings, id));
    let id = ours.or(named).ok_or("a report about no mail that it names")?;
    let mut events = vec![Event::Receipt(Box::new(Receipt {
        id,
        tracking,
        progress,
        at: news.at,
        recipient: identity.clone().into_iter().collect(),
        participant: Vec::new(),
        failures: failure.clone().into_iter().collect(),
        pricing: None,
    }))];
    if let (Step::Failed { dead: true }, Some(identity), Some(failure)) = (news.step, identity, failure) {
        events.push(Event::Unreachable(Unreachable { identity, failure, at: news.at }));
    }
    Ok(events)
}

/// A provider's own id, which looks like no message id.
fn bare(id: &str) -> Option<String> {
    let sound = (1..=512).contains(&id.len()) && id.chars().all(|character| character.is_ascii_graphic());
    sound.then(|| id.to_owned())
}

/// All reports of a delivery: the events, and what was passed over with its place.
pub(super) fn all(
    settings: &Settings,
    reports: impl Iterator<Item = (String, News)>,
) -> (Vec<Event>, Vec<(String, String)>) {
    let (mut found, mut ignored) = (Vec::new(), Vec::new());
    for (place, report) in reports {
        let word: String = report.word.chars().filter(|character| !character.is_control()).take(40).collect();
        match events(settings, report) {
            Ok(events) => found.extend(events),
            Err(reason) => ignored.push((place, format!("{word}: {reason}"))),
        }
    }
    (found, ignored)
}
