//! A delivery that is for several workspaces at once: each takes its own share, and is shown nothing of the others'.

use std::sync::Arc;

use switchboard_channels::contract::inbound::{Arrival, Parsed};
use switchboard_channels::contract::vendor::Delivery;

use super::super::directory::Account;
use crate::domain::deliveries::RawDelivery;

/// What one workspace has of a delivery.
pub(super) struct Part {
    pub(super) signed: Vec<Arc<Account>>,
    pub(super) parsed: Parsed,
    pub(super) raw: RawDelivery,
}

/// Divides a delivery among the workspaces whose accounts its events are for; nearly always that is one. What is for
/// nobody stays with the first. Where its signature speaks for several workspaces, each keeps its own share of the body
/// only, even if nothing of the others' was an event.
pub(super) fn divide(signed: Vec<Arc<Account>>, parsed: Parsed, delivery: &Delivery<'_>) -> Vec<Part> {
    let workspaces: Vec<Option<&str>> = parsed.events.iter().map(|arrival| workspace_of(&signed, arrival)).collect();
    let mut named: Vec<&str> = workspaces.iter().flatten().copied().collect();
    named.sort_unstable();
    named.dedup();
    if named.is_empty() {
        named.extend(signed.first().map(|account| account.channel.workspace_id.as_str()));
    }
    let share = signed.first().and_then(|account| account.channel.kind.protocol().share);
    let alone = |first: &str| signed.iter().all(|account| account.channel.workspace_id == first);
    let (Some(share), Some(first)) = (share, named.first().copied().filter(|first| !alone(first))) else {
        return vec![Part { signed, parsed, raw: RawDelivery::keep(delivery) }];
    };
    let part = |workspace: &str| {
        let own: Vec<_> = signed.iter().filter(|account| account.channel.workspace_id == workspace).cloned().collect();
        let ids: Vec<&str> = own
            .iter()
            .flat_map(|account| [account.channel.account.as_deref(), account.channel.business.as_deref()])
            .flatten()
            .collect();
        let body = share(delivery.body, &ids);
        let events = parsed.events.iter().zip(&workspaces);
        let events = events.filter(|(_, of)| of.unwrap_or(first) == workspace).map(|(arrival, _)| arrival.clone());
        let ignored = if workspace == first { parsed.ignored.clone() } else { Vec::new() };
        let parsed = Parsed { events: events.collect(), ignored, files: parsed.files.clone() };
        Part { signed: own, parsed, raw: RawDelivery::keep(&Delivery { body: &body, ..*delivery }) }
    };
    named.iter().map(|workspace| part(workspace)).collect()
}

fn workspace_of<'a>(signed: &'a [Arc<Account>], arrival: &Arrival) -> Option<&'a str> {
    account_of(signed, arrival).map(|account| account.channel.workspace_id.as_str())
}

/// The account that an event is for.
pub(super) fn account_of<'a>(signed: &'a [Arc<Account>], arrival: &Arrival) -> Option<&'a Arc<Account>> {
    signed.iter().find(|account| match &arrival.account {
        Some(id) => account.channel.account.as_ref() == Some(id),
        None => account.channel.business == arrival.business,
    })
}
