//! What is no message: how far messages have come, how people came, who holds a thread, and news about the account.

use serde_json::value::RawValue;

use super::events::note;
use super::messages::{kept, receipt};
use super::{Reading, Scene, mid};
use crate::contract::content::Content;
use crate::contract::inbound::{Consent, Event, Handover, Message, Notice, Progress, Watermark};
use crate::contract::peer::{Identity, IdentityKind, Peer};
use crate::meta::display::line;
use crate::meta::messaging::wire;
use crate::meta::{self, Raw};

/// Longest words of a person or the vendor that are repeated, in characters.
const LONGEST_WORDS: usize = 500;
/// The app ids under which the vendor's own inbox holds threads.
const INBOXES: [&str; 2] = ["26390203743090", "263902037430900"];

/// Reads how far a person has read: one product names a message, the other a moment.
pub(super) fn read(reading: &mut Reading<'_>, scene: &Scene<'_>, raw: &RawValue) -> Result<(), String> {
    let wire: wire::Read<'_> = meta::object(Some(raw)).ok_or("read is not a readable object")?;
    if wire.mid.is_some() {
        return received(reading, scene, wire.mid, Progress::Read, scene.at);
    }
    watermark(reading, scene, wire.watermark, Progress::Read)
}

/// Reads which messages have arrived; where none is named, all up to a moment have.
pub(super) fn delivered(reading: &mut Reading<'_>, scene: &Scene<'_>, raw: &RawValue) -> Result<(), String> {
    let wire: wire::Delivered<'_> = meta::object(Some(raw)).ok_or("delivery is not a readable object")?;
    let mids = meta::list(wire.mids).unwrap_or_default();
    if mids.is_empty() {
        return watermark(reading, scene, wire.watermark, Progress::Delivered);
    }
    let at = scene.at.or_else(|| meta::moment(wire.watermark));
    for (index, raw) in mids.into_iter().enumerate() {
        if let Err(reason) = received(reading, scene, Some(raw), Progress::Delivered, at) {
            reading.pass_over(format!("{}.delivery.mids[{index}]", scene.path), reason);
        }
    }
    Ok(())
}

fn received(
    reading: &mut Reading<'_>,
    scene: &Scene<'_>,
    id: Raw<'_>,
    progress: Progress,
    at: Option<i64>,
) -> Result<(), String> {
    let mut receipt = receipt(mid(id)?, progress, at);
    receipt.recipient.clone_from(&scene.peer.identities);
    reading.push(&scene.account, Event::Receipt(Box::new(receipt)));
    Ok(())
}

fn watermark(reading: &mut Reading<'_>, scene: &Scene<'_>, until: Raw<'_>, progress: Progress) -> Result<(), String> {
    let until = meta::moment(until).ok_or("neither a message nor a moment named")?;
    let event = Event::Watermark(Watermark { peer: scene.person()?, progress, until });
    reading.push(&scene.account, event);
    Ok(())
}

/// Reads that somebody agreed to be written to. Who ticked a box has no id yet, only the box's reference.
pub(super) fn optin(reading: &mut Reading<'_>, scene: &Scene<'_>, raw: &RawValue) -> Result<(), String> {
    let wire: wire::Optin<'_> = meta::object(Some(raw)).ok_or("optin is not a readable object")?;
    let mut peer: Peer = scene.peer.clone();
    if let Some(guest) = meta::identity(wire.user_ref) {
        peer.identities.push(Identity::new(IdentityKind::UserId, guest));
    }
    let scene = &Scene { path: scene.path.clone(), account: scene.account.clone(), peer, ..*scene };
    let event = if meta::text(wire.kind).as_deref() == Some("notification_messages") {
        let stopped = meta::text(wire.notification_messages_status).is_some_and(|status| status.starts_with("STOP"));
        let category = "notification_messages".to_owned();
        Event::Consent(Consent { peer: scene.person()?, category, granted: !stopped, at: scene.at })
    } else {
        let content = system("optin", "The person agreed to be written to.");
        let message = note(scene.derived("optin", &[raw.get()]), scene, content)?;
        Event::Message(Box::new(Message { referral: kept(Some(raw)), ..message }))
    };
    reading.push(&scene.account, event);
    Ok(())
}

/// Reads that somebody came back by a link or an ad. A link opens the window, an ad only with the message after it.
pub(super) fn referral(reading: &mut Reading<'_>, scene: &Scene<'_>, raw: &RawValue) -> Result<(), String> {
    let wire: wire::Referral<'_> = meta::object(Some(raw)).ok_or("referral is not a readable object")?;
    let by_ad = meta::text(wire.source).as_deref() == Some("ADS");
    let words = if by_ad { "The person came by an ad." } else { "The person came by a link." };
    let message = note(scene.derived("referral", &[raw.get()]), scene, system("referral", words))?;
    let message = Message { referral: kept(Some(raw)), opens_window: !by_ad, ..message };
    reading.push(&scene.account, Event::Message(Box::new(message)));
    Ok(())
}

/// Reads that somebody linked their account with ours, or no longer.
pub(super) fn account_linking(reading: &mut Reading<'_>, scene: &Scene<'_>, raw: &RawValue) -> Result<(), String> {
    let wire: wire::AccountLinking<'_> = meta::object(Some(raw)).ok_or("account_linking is not a readable object")?;
    let words = match meta::text(wire.status).as_deref() {
        Some("linked") => "The person linked their account.",
        Some("unlinked") => "The person unlinked their account.",
        _ => return Err("status is neither linked nor unlinked".to_owned()),
    };
    let message = note(scene.derived("account_linking", &[words]), scene, system("account_linking", words))?;
    reading.push(&scene.account, Event::Message(Box::new(message)));
    Ok(())
}

/// Reads a person's word about an answer.
pub(super) fn feedback(reading: &mut Reading<'_>, scene: &Scene<'_>, raw: &RawValue) -> Result<(), String> {
    let wire: wire::Feedback<'_> = meta::object(Some(raw)).ok_or("response_feedback is not a readable object")?;
    let words = line(wire.feedback, LONGEST_WORDS).ok_or("feedback is no text")?;
    let target = mid(wire.mid)?;
    let content = system("response_feedback", &format!("The person rated an answer: {words}"));
    let message = note(scene.derived("response_feedback", &[&target, &words]), scene, content)?;
    reading.push(&scene.account, Event::Message(Box::new(Message { reply_to: Some(target), ..message })));
    Ok(())
}

/// Reads that a thread was given to somebody. Only the new owner is told, so without a name it is us.
pub(super) fn passed(reading: &mut Reading<'_>, scene: &Scene<'_>, raw: &RawValue) -> Result<(), String> {
    let wire: wire::Control<'_> = meta::object(Some(raw)).ok_or("pass_thread_control is not a readable object")?;
    let ours = match (meta::identity(wire.new_owner_app_id), scene.own.app_id) {
        (Some(owner), Some(own)) => owner == own,
        (Some(owner), None) => !INBOXES.contains(&owner.as_str()),
        (None, _) => true,
    };
    let words = if ours { "The conversation was handed to us." } else { "Another application has the conversation." };
    handover(reading, scene, raw, ours, words)
}

/// Reads that a thread was taken away; who holds it now, the vendor does not say.
pub(super) fn taken(reading: &mut Reading<'_>, scene: &Scene<'_>, raw: &RawValue) -> Result<(), String> {
    handover(reading, scene, raw, false, "Another application took the conversation.")
}

fn handover(
    reading: &mut Reading<'_>,
    scene: &Scene<'_>,
    raw: &RawValue,
    ours: bool,
    words: &str,
) -> Result<(), String> {
    let id = Some(scene.derived("handover", &[raw.get()]));
    let event = Event::Handover(Handover { id, peer: scene.person()?, ours, text: words.to_owned(), at: scene.at });
    reading.push(&scene.account, event);
    Ok(())
}

/// Reads that another application asks for a thread; who holds it has not changed.
pub(super) fn requested(reading: &mut Reading<'_>, scene: &Scene<'_>, raw: &RawValue) -> Result<(), String> {
    let content = system("request_thread_control", "Another application asks for the conversation.");
    let message = note(scene.derived("request_thread_control", &[raw.get()]), scene, content)?;
    reading.push(&scene.account, Event::Message(Box::new(message)));
    Ok(())
}

/// Reads which roles the applications of the account have.
pub(super) fn app_roles(reading: &mut Reading<'_>, scene: &Scene<'_>, raw: &RawValue) -> Result<(), String> {
    account_news(reading, scene, "app_roles", raw, false);
    Ok(())
}

/// Reads a measure of the vendor's against the account.
pub(super) fn enforcement(reading: &mut Reading<'_>, scene: &Scene<'_>, raw: &RawValue) -> Result<(), String> {
    let wire: wire::Enforcement<'_> = meta::object(Some(raw)).ok_or("policy_enforcement is not a readable object")?;
    let alarming = meta::text(wire.action).as_deref() == Some("block");
    account_news(reading, scene, "policy_enforcement", raw, alarming);
    Ok(())
}

fn account_news(reading: &mut Reading<'_>, scene: &Scene<'_>, kind: &str, raw: &RawValue, alarming: bool) {
    let notice = Notice { kind: kind.to_owned(), detail: meta::keep(raw), alarming };
    reading.push(&scene.account, Event::Account(notice));
}

fn system(kind: &str, text: &str) -> Content {
    Content::System { kind: kind.to_owned(), text: text.to_owned() }
}
