//! Control of what people do on every channel: what they write, their windows, their files, and who has a thread.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{Bytes, Data, Json, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::{missing, refused};
use crate::channel::Channel;
use crate::customers::Customer;
use crate::graph::{inbound as whatsapp, media as files};
use crate::json::set;
use crate::world::World;
use crate::{mail, pages, twilio};

/// Whether to wait for the acknowledgement, and how long.
#[derive(Debug, Deserialize)]
pub struct Wait {
    /// Milliseconds to wait until the gateway has acknowledged the webhook.
    #[serde(default)]
    wait_ms: u64,
}

/// What has been written: the ids of the messages, their writers, and the record of the webhook.
type Written = (Vec<(String, Arc<Customer>)>, u64);

/// Lets a customer write on the channel of the account. `None` when there is no such account on the channel.
fn written(world: &Arc<World>, channel: Channel, account: &str, body: &Value) -> Option<Result<Written, String>> {
    match channel {
        Channel::Whatsapp => {
            let account = world.accounts.get(account)?;
            Some(
                whatsapp::write(world, &account, body)
                    .map(|(all, delivery)| (all.into_iter().map(|one| (one.wamid, one.customer)).collect(), delivery)),
            )
        }
        Channel::Messenger | Channel::Instagram => {
            let page = world.pages.get(account).filter(|page| page.channel == channel)?;
            Some(
                pages::inbound::write(world, &page, body)
                    .map(|(all, delivery)| (all.into_iter().map(|one| (one.id, one.customer)).collect(), delivery)),
            )
        }
        Channel::Twilio => {
            let account = world.twilio.get(account)?;
            Some(
                twilio::inbound::write(world, &account, body)
                    .map(|(all, delivery)| (all.into_iter().map(|one| (one.id, one.customer)).collect(), delivery)),
            )
        }
        Channel::Email => {
            let mailbox = world.mailboxes.get(account)?;
            Some(
                mail::compose::write(world, &mailbox, body)
                    .map(|(id, customer, delivery)| (vec![(id, customer)], delivery)),
            )
        }
    }
}

/// Writes as a customer.
pub async fn inbound(
    world: Data<World>,
    path: Path<(Channel, String)>,
    wait: Query<Wait>,
    body: Json<Value>,
) -> HttpResponse {
    let world = world.into_inner();
    let (channel, account) = path.into_inner();
    let (written, delivery) = match written(&world, channel, &account, &body) {
        None => return missing("account"),
        Some(Ok(written)) => written,
        Some(Err(reason)) => return refused(&reason),
    };
    let ids: Vec<&str> = written.iter().map(|one| one.0.as_str()).collect();
    let mut answer = json!({"ids": ids, "delivery_id": delivery});
    if channel == Channel::Whatsapp {
        set(&mut answer, "wamids", json!(ids));
    }
    if let [(id, customer)] = written.as_slice() {
        set(&mut answer, "id", json!(id));
        set(&mut answer, "customer", json!(customer.as_ref()));
        if channel == Channel::Whatsapp {
            set(&mut answer, "wamid", json!(id));
        }
    }
    if wait.wait_ms > 0 {
        set(&mut answer, "delivery", settled(&world, delivery, Duration::from_millis(wait.wait_ms)).await);
    }
    HttpResponse::Ok().json(answer)
}

/// The record of a webhook once it is no longer under way, or as it is when the time is over.
async fn settled(world: &World, delivery: u64, patience: Duration) -> Value {
    let deadline = Instant::now() + patience;
    let mut changes = world.books.watch();
    loop {
        changes.borrow_and_update();
        let record = world.books.delivery(delivery);
        let settled = record.as_ref().is_none_or(|record| record.state != "pending");
        if settled || !matches!(timeout_at(deadline, changes.changed()).await, Ok(Ok(()))) {
            return json!(record);
        }
    }
}

/// The window between an account and a customer.
pub async fn window(world: Data<World>, path: Path<(Channel, String, String)>) -> HttpResponse {
    let (_, account, customer) = path.into_inner();
    let id = world.customers.find(&customer).map_or(customer, |customer| customer.id.clone());
    let closes = world.customers.window_closes_ms(&account, &id);
    let now = world.clock.now_ms();
    HttpResponse::Ok().json(json!({"open": closes.is_some_and(|closes| now < closes), "closes_ms": closes,
        "now_ms": now}))
}

/// Who takes or gives a thread.
#[derive(Debug, Deserialize)]
pub struct Control {
    customer: String,
    /// `inbox`: people answer by hand; `app`: the gateway has it; `request`: the inbox asks for it.
    to: String,
    #[serde(default)]
    metadata: Option<String>,
}

/// Hands a thread of Messenger or Instagram over, as the people at the vendor's inbox do.
pub async fn control(world: Data<World>, path: Path<(Channel, String)>, change: Json<Control>) -> HttpResponse {
    let world = world.into_inner();
    let Some(page) = world.pages.get(&path.1).filter(|page| page.channel == path.0) else { return missing("account") };
    match pages::inbound::control(&world, &page, &change.customer, &change.to, change.metadata.as_deref()) {
        Ok(delivery) => HttpResponse::Ok().json(json!({"delivery_id": delivery})),
        Err(reason) => refused(&reason),
    }
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
