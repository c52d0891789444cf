//! News that is about no single message: moved ids, wishes, and the account itself, kept as it came.

use serde_json::value::RawValue;

use super::Scene;
use super::people::{self, identities};
use crate::contract::inbound::{Consent, Event, IdentityChange, Notice};
use crate::meta;
use crate::meta::complaint::complaint;
use crate::meta::display::clean;
use crate::whatsapp::{outcome, wire};

/// Events of `account_update` after which sends fail until somebody acts.
const ALARMING: [&str; 6] = [
    "ACCOUNT_DELETED",
    "ACCOUNT_OFFBOARDED",
    "ACCOUNT_RESTRICTION",
    "DISABLED_UPDATE",
    "PARTNER_APP_UNINSTALLED",
    "PARTNER_REMOVED",
];

/// Reads a moved user id.
pub(super) fn moved(_: &Scene, raw: &RawValue) -> Result<Event, String> {
    let wire: wire::UserIdUpdate<'_> = meta::object(Some(raw)).ok_or("not a readable object")?;
    let ids: wire::Moved<'_> = meta::object(wire.user_id).ok_or("user_id is not an object")?;
    let current = people::user_id(ids.current).ok_or("user_id.current is no id")?;
    let before = identities(people::user_id(ids.previous), people::phone_number(wire.wa_id));
    let text = meta::filled(wire.detail).unwrap_or_else(|| "The person's user id has changed.".to_owned());
    let after = identities(Some(current), None);
    Ok(Event::Identity(IdentityChange { id: None, before, after, at: meta::seconds(wire.timestamp), text }))
}

/// Reads a wish about what to receive.
pub(super) fn preference(scene: &Scene, raw: &RawValue) -> Result<Event, String> {
    let wire: wire::Preference<'_> = meta::object(Some(raw)).ok_or("not a readable object")?;
    let granted = match meta::text(wire.value).as_deref() {
        Some("stop") => false,
        Some("resume" | "signup") => true,
        _ => return Err("value is neither stop nor resume nor signup".to_owned()),
    };
    let peer = scene
        .people
        .peer(people::user_id(wire.user_id), people::phone_number(wire.wa_id), None)
        .ok_or("a wish of nobody")?;
    let category = meta::text(wire.category).and_then(|category| clean(&category, 64));
    let category = category.ok_or("category is no text")?;
    Ok(Event::Consent(Consent { peer, category, granted, at: meta::seconds(wire.timestamp) }))
}

/// Takes account news over as it came.
pub(super) fn notice(field: &str, raw: &RawValue) -> Notice {
    let news: wire::AccountNews<'_> = meta::object(Some(raw)).unwrap_or_default();
    let event = meta::text(news.event);
    let alarming = field == "account_update"
        && event.as_deref().is_some_and(|event| ALARMING.contains(&event))
        && meta::object::<wire::Ban<'_>>(news.ban_info)
            .is_none_or(|ban| meta::text(ban.waba_ban_state).as_deref() != Some("REINSTATE"));
    // The vendor's own sample of a quality update carries the field name of a status update.
    let mislabelled = field == "message_template_status_update" && event.is_none() && news.new_quality_score.is_some();
    let kind = if mislabelled { "message_template_quality_update" } else { field };
    Notice { kind: clean(kind, 128).unwrap_or_else(|| "unnamed".to_owned()), detail: meta::keep(raw), alarming }
}

/// Takes errors over that stand beside, not in, messages.
pub(super) fn trouble(raw: &RawValue) -> Notice {
    let complaints = meta::list(Some(raw)).into_iter().flatten().filter_map(|raw| complaint(Some(raw)));
    let alarming = complaints
        .map(|complaint| outcome::classify(complaint.code, complaint.subcode, None, &complaint.words))
        .any(|failure| failure.stops_channel);
    Notice { kind: "errors".to_owned(), detail: meta::keep(raw), alarming }
}
