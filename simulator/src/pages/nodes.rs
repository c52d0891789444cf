//! What the Graph API tells about accounts and people of Messenger and Instagram, and files uploaded beforehand.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::{Page, errors, validate};
use crate::graph::errors::GraphError;
use crate::json::set;
use crate::world::World;

/// Attachments that were given by address: their ids, and the accounts that own them.
#[derive(Debug, Default)]
pub struct Attachments {
    owners: Mutex<HashMap<String, String>>,
}

impl Attachments {
    /// Remembers an id.
    pub fn keep(&self, id: &str, account: &str) {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.insert(id.to_owned(), account.to_owned());
    }

    /// Whether there is such an id.
    pub fn contains(&self, id: &str) -> bool {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner).contains_key(id)
    }
}

/// `POST /{account}/message_attachments`.
pub fn upload(world: &World, page: &Page, body: &Value) -> Result<Value, GraphError> {
    let attachment = body.pointer("/message/attachment");
    let attachment = attachment.ok_or_else(|| errors::invalid("The parameter message[attachment] is required."))?;
    let kind = validate::attachment(page.channel, attachment)?;
    if !matches!(kind.as_str(), "image" | "audio" | "video" | "file") {
        return Err(errors::of(page.channel, 100, Some(2_018_047)));
    }
    let uploaded = attachment.pointer("/payload/uploaded").and_then(Value::as_str);
    let id = uploaded.map_or_else(|| world.ids.digits(), str::to_owned);
    world.attachments.keep(&id, &page.id);
    Ok(json!({"attachment_id": id}))
}

/// `GET /{account}?fields=` and `GET /me?fields=`.
pub fn account(page: &Page, fields: &str) -> Value {
    let mut node = json!({});
    for field in fields.split(',').map(str::trim) {
        let value = match field {
            "name" => json!(page.name),
            "username" => json!(page.username),
            "user_id" if page.is_instagram() => json!(page.id),
            "account_type" if page.is_instagram() => json!("BUSINESS"),
            _ => continue,
        };
        set(&mut node, field, value);
    }
    // An Instagram account has another id in the eyes of the app than in webhooks.
    let id = if page.is_instagram() { format!("24{}", page.id.get(2..).unwrap_or_default()) } else { page.id.clone() };
    set(&mut node, "id", json!(id));
    node
}

/// `GET /{user}?fields=`. Instagram asks for the user's consent, which a message gives.
pub fn profile(world: &World, page: &Page, address: &str, fields: &str) -> Result<Value, GraphError> {
    let customer = world.customers.find(address).ok_or_else(|| GraphError::no_such_node("get", address))?;
    if page.is_instagram() && world.customers.last_wrote_ms(&page.id, &customer.id).is_none() {
        return Err(errors::of(page.channel, 230, None));
    }
    let (first, last) = customer.name.split_once(' ').unwrap_or((&customer.name, ""));
    let fields = if fields.is_empty() { "first_name,last_name,profile_pic" } else { fields };
    let mut node = json!({});
    for field in fields.split(',').map(str::trim) {
        let value = match (field, page.is_instagram()) {
            ("first_name", false) => json!(first),
            ("last_name", false) => json!(last),
            ("name", _) => json!(customer.name),
            ("locale", false) => json!("en_US"),
            ("timezone", false) => json!(2),
            ("username", true) => {
                let made_up = || customer.name.to_lowercase().replace(' ', "");
                json!(customer.username.clone().unwrap_or_else(made_up))
            }
            ("profile_pic", _) => json!(format!("{}/pictures/{address}.svg", world.base_url)),
            ("follower_count", true) => json!(1_234),
            ("is_user_follow_business" | "is_verified_user", true) => json!(false),
            ("is_business_follow_user", true) => json!(true),
            _ => continue,
        };
        set(&mut node, field, value);
    }
    set(&mut node, "id", json!(address));
    Ok(node)
}
