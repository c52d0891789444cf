//! News without what is known already, and under the key of its caller.

use std::collections::HashSet;

use switchboard_channels::contract::inbound::Event;

use crate::domain::changes::{Change, Idempotency};

/// The caller's key for a change: what it makes is the first message.
pub(super) fn under_key(wanted: Option<&Idempotency>, change: &Change) -> Option<Idempotency> {
    let made = change.messages.first()?.message.id.clone();
    wanted.map(|wanted| Idempotency { result_id: made, ..wanted.clone() })
}

/// Leaves out these messages.
pub(super) fn drop_known(events: &mut Vec<Event>, known: &[String]) {
    events.retain(|event| match event {
        Event::Message(message) | Event::Echo(message) => !known.contains(&message.id),
        _ => true,
    });
}

/// Leaves out what revises these messages.
pub(super) fn drop_revisions_of(events: &mut Vec<Event>, erased: &[String]) {
    events.retain(|event| match event {
        Event::Edit(edit) => !erased.contains(&edit.target),
        Event::Deletion(deletion) => !erased.contains(&deletion.target),
        _ => true,
    });
}

/// Leaves the first of several messages with the same vendor id. Gives how many went.
pub(super) fn drop_repeated(events: &mut Vec<Event>) -> usize {
    let before = events.len();
    let mut seen = HashSet::new();
    events.retain(|event| match event {
        Event::Message(message) | Event::Echo(message) => seen.insert(message.id.clone()),
        _ => true,
    });
    before - events.len()
}
