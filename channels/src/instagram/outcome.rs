//! What the vendor answered: Instagram's own are people and accounts, the rest is the family's.

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
/// The fields without which a conversation has gaps. Echoes come with `messages`.
const WANTED: [&str; 4] = ["messages", "messaging_postbacks", "messaging_seen", "message_reactions"];
const SUBSCRIBE: &str = "In the app's dashboard open Instagram, API setup with Instagram login, step \"Generate access \
                         tokens\", and switch \"Webhook Subscription\" on beside the account; or call POST \
                         /ACCOUNT_ID/subscribed_apps with subscribed_fields.";
/// How a token is made.
const RENEW: &str = "in the app's dashboard open Instagram, API setup with Instagram login, click Generate token beside \
                     the account, and grant instagram_business_basic and instagram_business_manage_messages.";
/// How a Page's token is made.
const RENEW_PAGE: &str = "generate the Page's token with the permissions instagram_basic, instagram_manage_messages and \
                          pages_manage_metadata.";
/// Of a Page only one field is needed: the account's own fields stand in the dashboard.
const WANTED_OF_PAGE: [&str; 1] = ["messages"];
const SUBSCRIBE_PAGE: &str = "Call POST /PAGE_ID/subscribed_apps with subscribed_fields=messages and the Page's token; \
                              then tick Instagram's fields in the app's dashboard under Webhooks, Instagram.";

/// Reads the answer to a send.
#[must_use]
pub fn sent(status: u16, body: &[u8]) -> Sent {
    outcome::sent(status, body)
}

/// Reads who a person is.
///
/// # Errors
/// A refusal; `PROFILE_UNAVAILABLE` when nothing is told of the person.
pub fn profile(status: u16, body: &[u8]) -> Result<Profile, Failure> {
    let wire: wire::Profile<'_> = outcome::asked_of_person(status, body)?;
    Ok(Profile {
        name: line(wire.name, LONGEST_NAME),
        username: line(wire.username, LONGEST_NAME),
        picture_url: link(wire.profile_pic),
        locale: None,
    })
}

/// What the answer to a probe means: the first asks for the account, the second for its fields.
#[must_use]
pub fn finding(settings: &Settings, probe: usize, status: u16, body: &[u8]) -> Finding {
    let through_page = settings.page_id.is_some();
    let renew = if through_page { RENEW_PAGE } else { RENEW };
    if probe > 0 {
        let (wanted, remedy) =
            if through_page { (&WANTED_OF_PAGE[..], SUBSCRIBE_PAGE) } else { (&WANTED[..], SUBSCRIBE) };
        let app_id = settings.access.app_id.as_deref();
        return outcome::subscribed((status, body), app_id, wanted, remedy, renew);
    }
    let account = if through_page { of_page(status, body) } else { of_login(status, body) };
    match account {
        Ok((name, id)) => outcome::reached(name, id, &settings.account_id, "account_id"),
        Err(failure) => refused(&failure, renew),
    }
}

type NameAndId = (Option<String>, Option<String>);

fn of_login(status: u16, body: &[u8]) -> Result<NameAndId, Failure> {
    let wire: wire::Account<'_> = outcome::asked(status, body)?;
    Ok((line(wire.username, LONGEST_NAME), meta::identity(wire.user_id)))
}

fn of_page(status: u16, body: &[u8]) -> Result<NameAndId, Failure> {
    let page: wire::Page<'_> = outcome::asked(status, body)?;
    let account: wire::Connected<'_> = meta::object(page.instagram_business_account).unwrap_or_default();
    Ok((line(account.username, LONGEST_NAME), meta::identity(account.id)))
}
