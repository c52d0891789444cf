//! Control of accounts: one listing and one address for those of every channel, and the handshake of Meta's.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{missing, refused};
use crate::accounts::Account;
use crate::channel::Channel;
use crate::json::set;
use crate::mail::Mailbox;
use crate::pages::Page;
use crate::twilio::TwilioAccount;
use crate::world::World;

/// An account as the control API shows it: its own members, its channel and the id that names it everywhere.
fn shown(channel: Channel, id: &str, account: &impl Serialize) -> Value {
    let mut shown = serde_json::to_value(account).unwrap_or_default();
    set(&mut shown, "channel", json!(channel));
    set(&mut shown, "id", json!(id));
    shown
}

/// The account with this id, on whatever channel.
fn find(world: &World, id: &str) -> Option<Value> {
    let number = world.accounts.get(id).map(|one| shown(Channel::Whatsapp, id, one.as_ref()));
    number
        .or_else(|| world.pages.get(id).map(|one| shown(one.channel, id, one.as_ref())))
        .or_else(|| world.twilio.get(id).map(|one| shown(Channel::Twilio, id, one.as_ref())))
        .or_else(|| world.mailboxes.get(id).map(|one| shown(Channel::Email, id, one.as_ref())))
}

/// All accounts, channel by channel.
pub fn all(world: &World) -> Vec<Value> {
    let mut all = Vec::new();
    all.extend(world.accounts.list().iter().map(|one| shown(Channel::Whatsapp, &one.phone_number_id, one.as_ref())));
    all.extend(world.pages.list().iter().map(|one| shown(one.channel, &one.id, one.as_ref())));
    all.extend(world.twilio.list().iter().map(|one| shown(Channel::Twilio, &one.account_sid, one.as_ref())));
    all.extend(world.mailboxes.list().iter().map(|one| shown(Channel::Email, &one.address, one.as_ref())));
    all
}

pub async fn list(world: Data<World>) -> HttpResponse {
    HttpResponse::Ok().json(all(&world))
}

pub async fn get(world: Data<World>, id: Path<String>) -> HttpResponse {
    match find(&world, &id) {
        Some(account) => HttpResponse::Ok().json(account),
        None => missing("account"),
    }
}

/// The account with some members changed; `key` is the member that holds its id.
fn merged<T: Serialize + DeserializeOwned>(
    current: T,
    change: Map<String, Value>,
    key: &str,
    id: &str,
) -> Result<T, String> {
    let Ok(Value::Object(mut merged)) = serde_json::to_value(&current) else {
        return Err("the account cannot be written down".to_owned());
    };
    for (name, value) in change {
        if !merged.contains_key(&name) {
            return Err(format!("an account of this channel has no member `{name}`"));
        }
        merged.insert(name, value);
    }
    merged.insert(key.to_owned(), json!(id));
    serde_json::from_value(Value::Object(merged)).map_err(|error| error.to_string())
}

/// Creates or changes an account: members that are not given keep their value. `channel` says of what kind a new
/// one is.
pub async fn put(world: Data<World>, id: Path<String>, change: Json<Map<String, Value>>) -> HttpResponse {
    let mut change = change.into_inner();
    let known = find(&world, &id).and_then(|account| account.get("channel").cloned());
    let wanted = change.remove("channel");
    if let (Some(known), Some(wanted)) = (&known, &wanted)
        && known != wanted
    {
        return refused("this id belongs to an account of another channel");
    }
    change.remove("id");
    let channel = known.or(wanted).unwrap_or_else(|| json!(Channel::Whatsapp));
    let Ok(channel) = serde_json::from_value::<Channel>(channel) else {
        return refused("`channel` is whatsapp, messenger, instagram, twilio or email");
    };
    let done = match channel {
        Channel::Whatsapp => {
            let current = world.accounts.get(&id).map_or_else(Account::default, |one| one.as_ref().clone());
            merged(current, change, "phone_number_id", &id).map(|account| world.accounts.put(account))
        }
        Channel::Messenger | Channel::Instagram => {
            let fresh = || if channel == Channel::Instagram { Page::instagram() } else { Page::default() };
            let current = world.pages.get(&id).map_or_else(fresh, |one| one.as_ref().clone());
            merged(current, change, "id", &id).map(|page| world.pages.put(page))
        }
        Channel::Twilio => {
            let current = world.twilio.get(&id).map_or_else(TwilioAccount::default, |one| one.as_ref().clone());
            merged(current, change, "account_sid", &id).map(|account| world.twilio.put(account))
        }
        Channel::Email => {
            let current = world.mailboxes.get(&id).map_or_else(Mailbox::default, |one| one.as_ref().clone());
            merged(current, change, "address", &id).map(|mailbox| world.mailboxes.put(mailbox))
        }
    };
    match done {
        Ok(()) => {
            let account = find(&world, &id).unwrap_or_default();
            world.books.note("account", account.clone());
            HttpResponse::Ok().json(account)
        }
        Err(reason) => refused(&reason),
    }
}

pub async fn remove(world: Data<World>, id: Path<String>) -> HttpResponse {
    let removed = world.accounts.remove(&id)
        || world.pages.remove(&id)
        || world.twilio.remove(&id)
        || world.mailboxes.remove(&id);
    if removed { HttpResponse::NoContent().finish() } else { missing("account") }
}

/// Performs the verification handshake with the right and with a wrong token, and reports both.
pub async fn handshake(world: Data<World>, id: Path<String>) -> HttpResponse {
    let Some(account) = find(&world, &id) else { return missing("account") };
    let Some(token) = account.get("verify_token").and_then(Value::as_str) else {
        return refused("only accounts of Meta have a handshake");
    };
    let Some(url) = account.get("callback_url").and_then(Value::as_str) else {
        return refused("the account has no `callback_url`");
    };
    let challenge = (1_000_000_000 + world.ids.number() % 1_000_000_000).to_string();
    let right = knock(&world.http, url, token, &challenge).await;
    let wrong = knock(&world.http, url, "not-the-verify-token", &challenge).await;
    let echoed = right.get("status") == Some(&json!(200)) && right.get("body") == Some(&json!(challenge));
    let turned_away = wrong.get("status") == Some(&json!(403));
    HttpResponse::Ok().json(json!({"ok": echoed && turned_away, "challenge": challenge,
        "right_token": {"ok": echoed, "answer": right}, "wrong_token": {"ok": turned_away, "answer": wrong}}))
}

async fn knock(http: &reqwest::Client, url: &str, token: &str, challenge: &str) -> Value {
    let query = [("hub.mode", "subscribe"), ("hub.challenge", challenge), ("hub.verify_token", token)];
    match http.get(url).query(&query).send().await {
        Ok(answer) => {
            let status = answer.status().as_u16();
            let kind = answer.headers().get("Content-Type").and_then(|value| value.to_str().ok()).map(str::to_owned);
            let body: String = answer.text().await.unwrap_or_default().chars().take(1_000).collect();
            json!({"status": status, "content_type": kind, "body": body})
        }
        Err(error) => json!({"error": error.without_url().to_string()}),
    }
}
