//! The webhooks of `WhatsApp`: their envelopes, their headers, and the receipts that share one.

use bytes::Bytes;
use serde_json::{Value, json};

use super::escape::{signature, to_wire};
use crate::accounts::Account;
use crate::channel::Channel;
use crate::json::set;
use crate::webhooks::{Letter, Seal};

/// A letter of this account around a document.
pub fn letter(account: &Account, kind: &'static str, document: &Value, ids: Vec<String>) -> Letter {
    Letter {
        channel: Channel::Whatsapp,
        account: account.phone_number_id.clone(),
        kind,
        ids,
        body: Bytes::from(to_wire(document)),
        seal: Seal::Graph,
    }
}

/// One letter with many receipts.
pub fn statuses(account: &Account, statuses: Vec<Value>, contacts: Vec<Value>, wamids: Vec<String>) -> Letter {
    let mut value = value_head(account);
    if !contacts.is_empty() {
        set(&mut value, "contacts", Value::Array(contacts));
    }
    set(&mut value, "statuses", Value::Array(statuses));
    letter(account, "receipts", &envelope(account, value), wamids)
}

/// The envelope around one `value`.
pub fn envelope(account: &Account, value: Value) -> Value {
    json!({"object": "whatsapp_business_account",
        "entry": [{"id": account.waba_id, "changes": [{"value": value, "field": "messages"}]}]})
}

/// The envelope around news about the account itself, at this time in seconds.
pub fn account_news(account: &Account, field: &str, value: Value, at: i64) -> Value {
    json!({"object": "whatsapp_business_account",
        "entry": [{"id": account.waba_id, "time": at, "changes": [{"value": value, "field": field}]}]})
}

/// The members that every `value` begins with.
pub fn value_head(account: &Account) -> Value {
    json!({"messaging_product": "whatsapp", "metadata": {
        "display_phone_number": account.display_phone_number, "phone_number_id": account.phone_number_id}})
}

/// The headers of a webhook of Meta.
pub fn headers(secret: &str, body: &[u8]) -> Vec<(&'static str, String)> {
    vec![
        ("Content-Type", "application/json".to_owned()),
        ("User-Agent", "facebookexternalua".to_owned()),
        ("X-Hub-Signature-256", signature(secret, body)),
    ]
}
