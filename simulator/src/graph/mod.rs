//! The Graph API: its addresses and tokens, what `WhatsApp` needs of it, and which calls are for `pages`.

pub mod errors;
pub mod escape;
pub mod inbound;
pub mod media;
pub mod messages;
pub mod review;
pub mod templates;
pub mod validate;
pub mod webhooks;

use std::sync::Arc;

use actix_multipart::Multipart;
use actix_web::web::{self, Bytes, Data, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use crate::accounts::Account;
use crate::faults::Facts;
use crate::json::set;
use crate::pages::routes as pages;
use crate::server::around;
use crate::world::World;
use errors::GraphError;

type Pairs = Query<Vec<(String, String)>>;

/// Registers the addresses, with and without the version segment.
pub fn routes(config: &mut ServiceConfig) {
    for root in ["/{version:v\\d+\\.\\d+}/{node}", "/{node:\\d+|me}"] {
        config
            .route(&format!("{root}/messages"), web::post().to(post_messages))
            .route(&format!("{root}/media"), web::post().to(post_media))
            .route(&format!("{root}/message_templates"), web::get().to(get_templates))
            .route(&format!("{root}/message_templates"), web::post().to(post_template))
            .route(&format!("{root}/message_templates"), web::delete().to(delete_template))
            .route(&format!("{root}/subscribed_apps"), web::post().to(subscribe))
            .route(&format!("{root}/subscribed_apps"), web::delete().to(subscribe))
            .route(&format!("{root}/subscribed_apps"), web::get().to(subscriptions))
            .route(&format!("{root}/message_attachments"), web::post().to(post_page))
            .route(&format!("{root}/{{edge:(pass|take|request|release)_thread_control}}"), web::post().to(post_page))
            .route(root, web::get().to(get_node))
            .route(root, web::delete().to(delete_node));
    }
    config
        .route("/whatsapp_business/attachments/", web::get().to(download))
        .route("/attachments/{id}", web::get().to(open_file))
        .route("/pictures/{name}", web::get().to(picture));
}

/// The bearer token of a request; the query parameter is accepted as the vendor accepts it.
fn token(request: &HttpRequest) -> String {
    let header = request.headers().get("Authorization").and_then(|value| value.to_str().ok());
    if let Some(token) = header.and_then(|value| value.strip_prefix("Bearer ")) {
        return token.trim().to_owned();
    }
    let query = Query::<Vec<(String, String)>>::from_query(request.query_string());
    query
        .ok()
        .and_then(|query| query.into_inner().into_iter().find(|(key, _)| key == "access_token"))
        .map(|(_, token)| token)
        .unwrap_or_default()
}

/// The account of a node, if the token is good for it.
fn authorised(
    world: &World,
    request: &HttpRequest,
    method: &str,
    is_it: impl Fn(&Account, &str) -> bool,
) -> Result<Arc<Account>, GraphError> {
    let (token, node) = (token(request), node(request));
    // The number itself is looked up first: this is the path of every send.
    if let Some(account) = world.accounts.get(node).filter(|account| account.access_token == token)
        && is_it(&account, node)
    {
        return Ok(account);
    }
    if token.is_empty() || world.accounts.find(|account| account.access_token == token).is_none() {
        return Err(GraphError::bad_token());
    }
    world
        .accounts
        .find(|account| account.access_token == token && is_it(account, node))
        .ok_or_else(|| GraphError::no_such_node(method, node))
}

fn node(request: &HttpRequest) -> &str {
    request.match_info().get("node").unwrap_or_default()
}

fn is_number(account: &Account, node: &str) -> bool {
    account.phone_number_id == node
}

fn is_waba(account: &Account, node: &str) -> bool {
    account.waba_id == node
}

/// A call that only Messenger and Instagram have.
async fn post_page(world: Data<World>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let world = world.into_inner();
    let edge = request.path().rsplit('/').next().unwrap_or_default().to_owned();
    pages::post(&world, &request, node(&request), &token(&request), &edge, body).await
}

/// The bytes of a file whose address needs no token.
async fn open_file(world: Data<World>, id: web::Path<String>, query: Pairs) -> HttpResponse {
    media::open(&world, &id, &query)
}

/// A person's picture: a disc in a colour of its own.
async fn picture(name: web::Path<String>) -> HttpResponse {
    let hue = name.bytes().fold(0_u32, |sum, byte| (sum * 31 + u32::from(byte)) % 360);
    HttpResponse::Ok().content_type("image/svg+xml").body(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 64 64\"><circle cx=\"32\" cy=\"32\" r=\"32\" \
         fill=\"hsl({hue} 60% 55%)\"/></svg>"
    ))
}

async fn post_messages(world: Data<World>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let world = world.into_inner();
    if world.accounts.get(node(&request)).is_none() && pages::claims(&world, node(&request)) {
        return pages::post(&world, &request, node(&request), &token(&request), "messages", body).await;
    }
    // Read marks are their own kind of request for the faults; only then is the body looked at here.
    let is_mark =
        world.faults.any() && serde_json::from_slice::<Value>(&body).is_ok_and(|body| body.get("status").is_some());
    let kind = if is_mark { "mark_read" } else { "send" };
    let facts = Facts { vendor: "whatsapp", kind, path: request.path(), body: &body };
    around(&world, facts, async |actions| match authorised(&world, &request, "post", is_number) {
        Ok(account) => messages::post(&world, &account, &body, actions).await,
        Err(error) => error.response(&world.ids),
    })
    .await
}

async fn post_media(world: Data<World>, request: HttpRequest, form: Multipart) -> HttpResponse {
    let facts = Facts { vendor: "whatsapp", kind: "media", path: request.path(), body: &[] };
    around(&world, facts, async |_| match authorised(&world, &request, "post", is_number) {
        Ok(_) => media::upload(&world, form).await,
        Err(error) => error.response(&world.ids),
    })
    .await
}

async fn get_templates(world: Data<World>, request: HttpRequest, query: Pairs) -> HttpResponse {
    let facts = Facts { vendor: "whatsapp", kind: "templates", path: request.path(), body: &[] };
    around(&world, facts, async |_| {
        let address = format!("{}{}", world.base_url, request.path());
        authorised(&world, &request, "get", is_waba)
            .and_then(|account| templates::page(&account, &query, &address))
            .unwrap_or_else(|error| error.response(&world.ids))
    })
    .await
}

async fn post_template(world: Data<World>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let world = world.into_inner();
    let facts = Facts { vendor: "whatsapp", kind: "templates", path: request.path(), body: &body };
    around(&world, facts, async |_| {
        authorised(&world, &request, "post", is_waba)
            .and_then(|account| review::hand_in(&world, &account, &body))
            .unwrap_or_else(|error| error.response(&world.ids))
    })
    .await
}

async fn delete_template(world: Data<World>, request: HttpRequest, query: Pairs) -> HttpResponse {
    let facts = Facts { vendor: "whatsapp", kind: "templates", path: request.path(), body: &[] };
    around(&world, facts, async |_| {
        authorised(&world, &request, "delete", is_waba)
            .and_then(|account| review::end(&world, &account, &query))
            .unwrap_or_else(|error| error.response(&world.ids))
    })
    .await
}

async fn subscribe(world: Data<World>, request: HttpRequest) -> HttpResponse {
    if pages::claims(&world, node(&request)) {
        let world = world.into_inner();
        return pages::post(&world, &request, node(&request), &token(&request), "subscribed_apps", Bytes::new()).await;
    }
    let facts = Facts { vendor: "whatsapp", kind: "subscribe", path: request.path(), body: &[] };
    around(&world, facts, async |_| match authorised(&world, &request, "post", is_waba) {
        Ok(account) => {
            let method = request.method().as_str();
            world.books.note("subscribed", json!({"waba_id": account.waba_id, "method": method}));
            HttpResponse::Ok().json(json!({"success": true}))
        }
        Err(error) => error.response(&world.ids),
    })
    .await
}

async fn subscriptions(world: Data<World>, request: HttpRequest) -> HttpResponse {
    match authorised(&world, &request, "get", is_waba) {
        Ok(_) => HttpResponse::Ok().json(json!({"data": [
            {"whatsapp_business_api_data": {"id": "1517000000000111", "name": "Simulated app"}}]})),
        Err(error) => error.response(&world.ids),
    }
}

async fn get_node(world: Data<World>, request: HttpRequest, query: Pairs) -> HttpResponse {
    let id = node(&request);
    if world.media.get(id).is_none() && world.accounts.get(id).is_none() {
        let fields = query.iter().find(|(key, _)| key == "fields").map_or("", |(_, fields)| fields.as_str());
        let world = Data::clone(&world).into_inner();
        if let Some(answer) = pages::get(&world, &request, id, &token(&request), fields).await {
            return answer;
        }
    }
    let kind = if world.media.get(id).is_some() { "media" } else { "node" };
    let facts = Facts { vendor: "whatsapp", kind, path: request.path(), body: &[] };
    around(&world, facts, async |_| {
        let account = match authorised(&world, &request, "get", |_, _| true) {
            Ok(account) => account,
            Err(error) => return error.response(&world.ids),
        };
        if let Some(media) = world.media.get(id) {
            return media::metadata(&world, &media);
        }
        let own = |account: &Account| account.access_token == token(&request);
        if let Some(number) = world.accounts.get(id).filter(|number| own(number)) {
            return HttpResponse::Ok().json(phone_number(&number, &query));
        }
        if account.waba_id == id {
            return HttpResponse::Ok().json(json!({"id": account.waba_id, "name": account.verified_name,
                "timezone_id": "1", "message_template_namespace": "simulated"}));
        }
        GraphError::no_such_node("get", id).response(&world.ids)
    })
    .await
}

/// `GET /{phone_number_id}?fields=…`.
fn phone_number(account: &Account, query: &[(String, String)]) -> Value {
    let fields = query.iter().find(|(key, _)| key == "fields").map_or(
        "verified_name,code_verification_status,display_phone_number,quality_rating,platform_type,throughput",
        |(_, fields)| fields.as_str(),
    );
    let mut node = json!({});
    for field in fields.split(',') {
        let value = match field.trim() {
            "verified_name" => json!(account.verified_name),
            "display_phone_number" => json!(pretty(&account.display_phone_number)),
            "code_verification_status" => json!("VERIFIED"),
            "quality_rating" => json!("GREEN"),
            "platform_type" => json!("CLOUD_API"),
            "throughput" => json!({"level": "STANDARD"}),
            "name_status" => json!("APPROVED"),
            "status" => json!("CONNECTED"),
            _ => continue,
        };
        set(&mut node, field.trim(), value);
    }
    set(&mut node, "id", json!(account.phone_number_id));
    node
}

/// A number as the vendor displays it.
fn pretty(digits: &str) -> String {
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    if digits.len() == 11 && digits.starts_with('1') {
        return format!("+1 {}-{}-{}", part(1, 4), part(4, 7), part(7, 11));
    }
    format!("+{digits}")
}

async fn delete_node(world: Data<World>, request: HttpRequest) -> HttpResponse {
    let facts = Facts { vendor: "whatsapp", kind: "media", path: request.path(), body: &[] };
    around(&world, facts, async |_| match authorised(&world, &request, "delete", |_, _| true) {
        Ok(_) if world.media.remove(node(&request)) => HttpResponse::Ok().json(json!({"success": true})),
        Ok(_) => GraphError::no_such_node("delete", node(&request)).response(&world.ids),
        Err(error) => error.response(&world.ids),
    })
    .await
}

async fn download(world: Data<World>, request: HttpRequest, query: Pairs) -> HttpResponse {
    let facts = Facts { vendor: "whatsapp", kind: "media", path: request.path(), body: &[] };
    around(&world, facts, async |_| match authorised(&world, &request, "get", |_, _| true) {
        Ok(_) => media::download(&world, &query),
        Err(error) => error.response(&world.ids),
    })
    .await
}
