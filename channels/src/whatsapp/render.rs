//! Requests to the vendor, checked against its limits before anything goes out. It sends nothing.

mod choices;
mod content;
mod limits;
mod templates;

use serde_json::{Map, Value, json};
use url::Url;

use super::Settings;
use crate::contract::content::Content;
use crate::contract::failure::{Failure, Fault, Retry};
use crate::contract::outbound::Outbound;
use crate::contract::peer::{Identity, IdentityKind};
use crate::contract::request::{Authorisation, Body, Method, Request};
use crate::meta::display::is_node;
use crate::meta::graph::encoded;
use limits::invalid;
pub use templates::{template_creation, template_removal, templates};

/// What a number is asked for.
const NUMBER_FIELDS: &str =
    "display_phone_number,verified_name,quality_rating,code_verification_status,platform_type,throughput";

/// Renders a send.
///
/// # Errors
/// A refusal of the content: `MESSAGE_TOO_LONG` or `INVALID_CONTENT`, naming the field; `RECIPIENT_UNREACHABLE` when
/// none of the recipient's identities is one that WhatsApp knows.
pub fn message(settings: &Settings, outbound: &Outbound<'_>) -> Result<Request, Failure> {
    let mut body = Map::new();
    body.insert("messaging_product".to_owned(), json!("whatsapp"));
    let group = address(&mut body, outbound.to)?;
    let rendered = content::render(outbound.content, group)?;
    // A reaction names its target itself.
    if let Some(target) = outbound.reply_to.filter(|_| !matches!(outbound.content, Content::Reaction { .. })) {
        body.insert("context".to_owned(), json!({ "message_id": target }));
    }
    if !outbound.id.is_empty() {
        body.insert("biz_opaque_callback_data".to_owned(), json!(outbound.id));
    }
    body.insert("type".to_owned(), json!(rendered.kind));
    body.insert(rendered.kind.to_owned(), rendered.object);
    Ok(post(settings, &node(settings, "/messages"), Body::Json(Value::Object(body))))
}

/// Writes the recipient down; true for a group.
fn address(body: &mut Map<String, Value>, to: &[Identity]) -> Result<bool, Failure> {
    let find = |kind| to.iter().find(|identity| identity.kind == kind).map(|identity| identity.value.as_str());
    if let Some(group) = find(IdentityKind::Group) {
        body.insert("recipient_type".to_owned(), json!("group"));
        body.insert("to".to_owned(), json!(group));
        return Ok(true);
    }
    let (phone, user) = (find(IdentityKind::Phone), find(IdentityKind::UserId));
    if phone.is_none() && user.is_none() {
        let message = "The recipient has neither a phone number nor a WhatsApp user id.";
        return Err(Failure::new("RECIPIENT_UNREACHABLE", message, Retry::Never, Fault::Recipient));
    }
    body.insert("recipient_type".to_owned(), json!("individual"));
    for (member, value) in [("to", phone), ("recipient", user)] {
        if let Some(value) = value {
            body.insert(member.to_owned(), json!(value));
        }
    }
    Ok(false)
}

/// Renders the mark that a message, and all before it, has been read; with `typing` the typing sign, too.
///
/// # Errors
/// `INVALID_CONTENT` for an empty message id.
pub fn read_mark(settings: &Settings, message_id: &str, typing: bool) -> Result<Request, Failure> {
    if message_id.trim().is_empty() {
        return Err(invalid("message_id", "must not be empty"));
    }
    let mut body = json!({ "messaging_product": "whatsapp", "status": "read", "message_id": message_id });
    if typing && let Some(members) = body.as_object_mut() {
        members.insert("typing_indicator".to_owned(), json!({ "type": "text" }));
    }
    Ok(post(settings, &node(settings, "/messages"), Body::Json(body)))
}

/// Renders the question where a medium's bytes are.
///
/// # Errors
/// `MEDIA_REJECTED` for an id that could name another node of the vendor's graph.
pub fn media_lookup(settings: &Settings, media_id: &str) -> Result<Request, Failure> {
    let path = format!("{}?phone_number_id={}", medium(media_id)?, encoded(&settings.phone_number_id));
    Ok(get(settings, &path))
}

/// Renders the download of a medium's bytes from where the vendor says they are.
///
/// # Errors
/// `MEDIA_REJECTED` for an address that is not on the channel's list of media hosts: the token goes nowhere else.
pub fn media_download(settings: &Settings, url: &str) -> Result<Request, Failure> {
    let refused = || {
        let message = "The file's address is not on one of the channel's media hosts.";
        Failure::new("MEDIA_REJECTED", message, Retry::Never, Fault::Vendor)
    };
    let url = Url::parse(url).map_err(|_| refused())?;
    if !settings.trusts(&url) {
        return Err(refused());
    }
    Ok(Request { method: Method::Get, url: url.into(), authorisation: authorisation(settings), body: Body::Empty })
}

/// Renders an upload; the bytes are the caller's.
#[must_use]
pub fn media_upload(settings: &Settings, mime: &str, filename: &str) -> Request {
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let body = Body::Multipart {
        fields: vec![field("messaging_product", "whatsapp"), field("type", mime)],
        file_field: "file".to_owned(),
        filename: filename.to_owned(),
        mime_type: mime.to_owned(),
    };
    post(settings, &node(settings, "/media"), body)
}

/// Renders the removal of an uploaded medium.
///
/// # Errors
/// `MEDIA_REJECTED` for an id that could name another node of the vendor's graph.
pub fn media_delete(settings: &Settings, media_id: &str) -> Result<Request, Failure> {
    Ok(Request { method: Method::Delete, ..get(settings, &medium(media_id)?) })
}

/// Renders the question whether the number is there and the token good.
#[must_use]
pub fn account_check(settings: &Settings) -> Request {
    get(settings, &node(settings, &format!("?fields={}", encoded(NUMBER_FIELDS))))
}

/// Renders the question to which apps the account's deliveries go; none where the settings do not name the account.
#[must_use]
pub fn subscriptions(settings: &Settings) -> Option<Request> {
    let account = settings.waba_id.as_deref().filter(|id| !id.is_empty())?;
    Some(get(settings, &format!("{}/subscribed_apps", encoded(account))))
}

fn medium(id: &str) -> Result<String, Failure> {
    if is_node(id) {
        return Ok(id.to_owned());
    }
    let message = "The file's id is not one that WhatsApp gives out.";
    Err(Failure::new("MEDIA_REJECTED", message, Retry::Never, Fault::Vendor))
}

fn node(settings: &Settings, rest: &str) -> String {
    format!("{}{rest}", encoded(&settings.phone_number_id))
}

fn get(settings: &Settings, path: &str) -> Request {
    settings.graph().get(path)
}

fn authorisation(settings: &Settings) -> Option<Authorisation> {
    Some(Authorisation::Bearer(settings.access_token.clone()))
}

fn post(settings: &Settings, path: &str, body: Body) -> Request {
    settings.graph().post(path, body)
}
