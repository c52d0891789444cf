//! Control of what surrounds a conversation: customers, clock, faults, the model's replies.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json};
use serde::Deserialize;
use serde_json::{Value, json};

use super::refused;
use crate::customers::{Customer, user_id_for};
use crate::faults::Rule;
use crate::model::{ModelSettings, Script};
use crate::world::World;

/// `GET /sim`: the state of everything at a glance.
pub async fn overview(world: Data<World>) -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "base_url": world.base_url, "accounts": super::accounts::all(&world), "customers": people(&world),
        "clock": clock_state(&world), "faults": world.faults.list(),
        "model": world.model.settings(), "last_event": world.books.last_event()
    }))
}

fn people(world: &World) -> Vec<Customer> {
    world.customers.list().iter().map(|customer| customer.as_ref().clone()).collect()
}

pub async fn customers(world: Data<World>) -> HttpResponse {
    HttpResponse::Ok().json(people(&world))
}

/// A new customer: addresses as given, or made up for one of the three kinds.
#[derive(Debug, Deserialize)]
pub struct NewCustomer {
    /// `both`, `phone` or `username`: which addresses to make up when none are given.
    #[serde(default)]
    kind: Option<String>,
    #[serde(flatten)]
    customer: Customer,
}

pub async fn add_customer(world: Data<World>, new: Json<NewCustomer>) -> HttpResponse {
    let NewCustomer { kind, mut customer } = new.into_inner();
    if let Some(phone) = &mut customer.wa_id {
        phone.retain(|character| character.is_ascii_digit());
    }
    customer.wa_id = customer.wa_id.filter(|phone| !phone.is_empty());
    let number = 10_000 + world.ids.number() % 90_000;
    let (phone, user) = match kind.as_deref() {
        None => (false, false),
        Some("both") => (true, true),
        Some("phone") => (true, false),
        Some("username") => (false, true),
        Some(other) => return refused(&format!("kind is both, phone or username, not {other}")),
    };
    if phone && customer.wa_id.is_none() {
        customer.wa_id = Some(format!("165055{number}"));
    }
    if user && customer.user_id.is_none() {
        let seed = customer.wa_id.clone().unwrap_or_else(|| format!("{number}"));
        customer.user_id = Some(user_id_for(&seed));
    }
    if user && !phone {
        customer.wa_id = None;
        customer.username.get_or_insert_with(|| format!("user{number}"));
    }
    let others = [&customer.user_id, &customer.psid, &customer.igsid, &customer.email];
    if customer.wa_id.is_none() && others.iter().all(|address| address.is_none()) {
        return refused("a customer needs an address (`wa_id`, `user_id`, `psid`, `igsid`, `email`) or a `kind`");
    }
    let customer = world.customers.put(customer);
    world.books.note("customer", json!(customer.as_ref()));
    HttpResponse::Created().json(customer.as_ref())
}

fn clock_state(world: &World) -> Value {
    json!({"now_ms": world.clock.now_ms(), "offset_ms": world.clock.offset_ms()})
}

pub async fn clock(world: Data<World>) -> HttpResponse {
    HttpResponse::Ok().json(clock_state(&world))
}

/// `offset_ms` sets the distance to real time, `advance_ms` adds to it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockChange {
    offset_ms: Option<i64>,
    advance_ms: Option<i64>,
}

pub async fn set_clock(world: Data<World>, change: Json<ClockChange>) -> HttpResponse {
    if let Some(offset) = change.offset_ms {
        world.clock.set_offset_ms(offset);
    }
    if let Some(by) = change.advance_ms {
        world.clock.advance_ms(by);
    }
    world.books.note("clock", clock_state(&world));
    HttpResponse::Ok().json(clock_state(&world))
}

pub async fn faults(world: Data<World>) -> HttpResponse {
    HttpResponse::Ok().json(world.faults.list())
}

/// Takes a list of rules, which replaces the old one.
pub async fn set_faults(world: Data<World>, rules: Json<Vec<Rule>>) -> HttpResponse {
    world.faults.set(rules.into_inner());
    let rules = world.faults.list();
    world.books.note("faults", json!(rules));
    HttpResponse::Ok().json(rules)
}

pub async fn clear_faults(world: Data<World>) -> HttpResponse {
    world.faults.set(Vec::new());
    world.books.note("faults", json!([]));
    HttpResponse::NoContent().finish()
}

pub async fn model(world: Data<World>) -> HttpResponse {
    HttpResponse::Ok().json(json!({"settings": world.model.settings(), "replies": world.model.scripts(),
        "requests": world.model.requests().0}))
}

pub async fn set_model(world: Data<World>, settings: Json<ModelSettings>) -> HttpResponse {
    world.model.set_settings(settings.into_inner());
    HttpResponse::Ok().json(world.model.settings())
}

/// Forgets scripts and requests; settings stay.
pub async fn clear_model(world: Data<World>) -> HttpResponse {
    world.model.clear();
    HttpResponse::NoContent().finish()
}

/// One script or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Replies {
    Many(Vec<Script>),
    One(Box<Script>),
}

pub async fn add_replies(world: Data<World>, replies: Json<Replies>) -> HttpResponse {
    match replies.into_inner() {
        Replies::Many(scripts) => world.model.push(scripts),
        Replies::One(script) => world.model.push([*script]),
    }
    HttpResponse::Ok().json(json!({"queued": world.model.scripts().len()}))
}

pub async fn model_requests(world: Data<World>) -> HttpResponse {
    let (count, requests) = world.model.requests();
    HttpResponse::Ok().json(json!({"count": count, "requests": requests}))
}
