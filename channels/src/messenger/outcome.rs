//! What the vendor answered: Messenger's own are people and Pages, the rest is the family's.

use super::{Settings, wire};
use crate::contract::failure::Failure;
use crate::contract::outbound::Profile;
pub use crate::contract::outbound::Sent;
use crate::contract::vendor::Finding;
use crate::meta;
use crate::meta::display::{line, link};
use crate::meta::findings::refused;
use crate::meta::messaging::outcome;

/// Longest name that is taken over, in characters.
const LONGEST_NAME: usize = 256;
/// The fields without which a conversation has gaps.
const WANTED: [&str; 6] =
    ["messages", "messaging_postbacks", "message_echoes", "message_deliveries", "message_reads", "message_reactions"];
/// How a token is made.
const RENEW: &str = "in the app's dashboard open Messenger, API setup, click Generate beside the Page, and grant \
                     pages_messaging, pages_manage_metadata and pages_show_list.";
const SUBSCRIBE: &str = "In the app's dashboard open Messenger, API setup, step \"Configure webhooks\", click \"Add \
                         subscriptions\" beside the Page and tick the fields; or call POST \
                         /PAGE_ID/subscribed_apps with subscribed_fields.";

/// Reads the answer to a send.
#[must_use]
pub fn sent(status: u16, body: &[u8]) -> Sent {
    outcome::sent(status, body)
}

/// Reads the id of an uploaded file.
///
/// # Errors
/// A refusal, or an answer without an id.
pub fn uploaded(status: u16, body: &[u8]) -> Result<String, Failure> {
    outcome::uploaded(status, body)
}

/// Reads who a person is.
///
/// # Errors
/// A refusal; `PROFILE_UNAVAILABLE` when nothing is told of the person.
pub fn profile(status: u16, body: &[u8]) -> Result<Profile, Failure> {
    let wire: wire::Profile<'_> = outcome::asked_of_person(status, body)?;
    let names = [wire.first_name, wire.last_name].into_iter().filter_map(|raw| line(raw, LONGEST_NAME / 2 - 1));
    let name = names.collect::<Vec<_>>().join(" ");
    Ok(Profile {
        name: if name.is_empty() { line(wire.name, LONGEST_NAME) } else { Some(name) },
        username: None,
        picture_url: link(wire.profile_pic),
        locale: line(wire.locale, 32),
    })
}

/// What the answer to a probe means: the first asks for the Page, the second for its fields.
#[must_use]
pub fn finding(settings: &Settings, probe: usize, status: u16, body: &[u8]) -> Finding {
    if probe > 0 {
        return outcome::subscribed((status, body), settings.access.app_id.as_deref(), &WANTED, SUBSCRIBE, RENEW);
    }
    match outcome::asked::<wire::Page<'_>>(status, body) {
        Ok(page) => {
            outcome::reached(line(page.name, LONGEST_NAME), meta::identity(page.id), &settings.page_id, "page_id")
        }
        Err(failure) => refused(&failure, RENEW),
    }
}
