//! Control of `WhatsApp`: accounts, the handshake, what customers write, files.

use std::time::Duration;

use actix_web::web::{Bytes, Data, Json, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, timeout_at};

use super::{missing, refused};
use crate::accounts::Account;
use crate::graph::{inbound as customers_side, media as files};
use crate::json::set;
use crate::world::World;

pub async fn accounts(world: Data<World>) -> HttpResponse {
    let accounts = world.accounts.list();
    HttpResponse::Ok().json(accounts.iter().map(|account| account.as_ref()).collect::<Vec<_>>())
}

pub async fn account(world: Data<World>, number: Path<String>) -> HttpResponse {
    match world.accounts.get(&number) {
        Some(account) => HttpResponse::Ok().json(account.as_ref()),
        None => missing("account"),
    }
}

/// Creates or changes an account: members that are not given keep their value.
pub async fn put_account(world: Data<World>, number: Path<String>, change: Json<Map<String, Value>>) -> HttpResponse {
    let current = world.accounts.get(&number).map(|account| account.as_ref().clone()).unwrap_or_default();
    let Ok(Value::Object(mut merged)) = serde_json::to_value(&current) else {
        return refused("the account cannot be written down");
    };
    for (key, value) in change.into_inner() {
        if !merged.contains_key(&key) {
            return refused(&format!("an account has no member `{key}`"));
        }
        merged.insert(key, value);
    }
    merged.insert("phone_number_id".to_owned(), json!(number.as_str()));
    match serde_json::from_value::<Account>(Value::Object(merged)) {
        Ok(account) => {
            world.accounts.put(account.clone());
            world.books.note("account", json!(account));
            HttpResponse::Ok().json(account)
        }
        Err(error) => refused(&error.to_string()),
    }
}

pub async fn remove_account(world: Data<World>, number: Path<String>) -> HttpResponse {
    if world.accounts.remove(&number) { HttpResponse::NoContent().finish() } else { missing("account") }
}

/// Performs the verification handshake with the right and with a wrong token, and reports both.
pub async fn handshake(world: Data<World>, number: Path<String>) -> HttpResponse {
    let Some(account) = world.accounts.get(&number) else { return missing("account") };
    let Some(url) = account.callback_url.clone() else { return refused("the account has no `callback_url`") };
    let challenge = (1_000_000_000 + world.ids.number() % 1_000_000_000).to_string();
    let right = knock(&world.http, &url, &account.verify_token, &challenge).await;
    let wrong = knock(&world.http, &url, "not-the-verify-token", &challenge).await;
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

/// Whether to wait for the acknowledgement, and how long.
#[derive(Debug, Deserialize)]
pub struct Wait {
    /// Milliseconds to wait until the gateway has acknowledged the webhook.
    #[serde(default)]
    wait_ms: u64,
}

/// Writes as a customer.
pub async fn inbound(world: Data<World>, number: Path<String>, wait: Query<Wait>, body: Json<Value>) -> HttpResponse {
    let world = world.into_inner();
    let Some(account) = world.accounts.get(&number) else { return missing("account") };
    let (written, delivery) = match customers_side::write(&world, &account, &body) {
        Ok(written) => written,
        Err(reason) => return refused(&reason),
    };
    let wamids: Vec<&str> = written.iter().map(|one| one.wamid.as_str()).collect();
    let mut answer = json!({"wamids": wamids, "delivery_id": delivery});
    if let [one] = written.as_slice() {
        set(&mut answer, "wamid", json!(one.wamid));
        set(&mut answer, "customer", json!(one.customer.as_ref()));
    }
    if wait.wait_ms > 0 {
        let deadline = Instant::now() + Duration::from_millis(wait.wait_ms);
        let mut changes = world.books.watch();
        loop {
            changes.borrow_and_update();
            let record = world.books.delivery(delivery);
            if record.as_ref().is_none_or(|record| record.state != "pending") {
                set(&mut answer, "delivery", json!(record));
                break;
            }
            if !matches!(timeout_at(deadline, changes.changed()).await, Ok(Ok(()))) {
                set(&mut answer, "delivery", json!(record));
                break;
            }
        }
    }
    HttpResponse::Ok().json(answer)
}

/// The window between a number and a customer.
pub async fn window(world: Data<World>, path: Path<(String, String)>) -> HttpResponse {
    let (number, customer) = path.into_inner();
    let id = world.customers.find(&customer).map_or(customer, |customer| customer.id.clone());
    let closes = world.customers.window_closes_ms(&number, &id);
    let now = world.clock.now_ms();
    HttpResponse::Ok().json(json!({"open": closes.is_some_and(|closes| now < closes), "closes_ms": closes,
        "now_ms": now}))
}

/// How an uploaded file is named.
#[derive(Debug, Deserialize)]
pub struct Naming {
    /// Id to store it under; made up when absent.
    id: Option<String>,
    filename: Option<String>,
}

/// Stores the request's body as a file of a customer.
pub async fn put_media(world: Data<World>, request: HttpRequest, naming: Query<Naming>, body: Bytes) -> HttpResponse {
    let mime_type = request.headers().get("Content-Type").and_then(|value| value.to_str().ok());
    let mime_type = mime_type.unwrap_or("application/octet-stream").to_owned();
    let id = naming.id.clone().unwrap_or_else(|| world.ids.digits());
    let media = world.media.put(id, mime_type, naming.filename.clone(), body);
    HttpResponse::Created().json(json!({"id": media.id, "mime_type": media.mime_type, "file_size": media.bytes.len()}))
}

/// The bytes of a stored file, for the phone page.
pub async fn media(world: Data<World>, id: Path<String>) -> HttpResponse {
    match world.media.get(&id) {
        Some(media) => files::plain(&media),
        None => missing("file"),
    }
}
