//! The calls of the Graph API that concern Messenger and Instagram: who may make them, and which room answers.

use std::sync::Arc;

use actix_web::web::{Bytes, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::{Page, account, acquainted, errors, messages, nodes, request};
use crate::faults::Facts;
use crate::graph::errors::GraphError;
use crate::server::around;
use crate::world::World;

/// Whether a node belongs to Messenger or Instagram.
pub fn claims(world: &World, node: &str) -> bool {
    let known = |page: &Page| page.id == node || page.page_id.as_deref() == Some(node);
    node == "me" || world.pages.find(known).is_some()
}

/// The account of a node, if the token is good for it.
fn authorised(page: Option<Arc<Page>>, node: &str, token: &str) -> Result<Arc<Page>, GraphError> {
    match page {
        Some(page) if page.access_token == token => Ok(page),
        Some(page) => Err(errors::of(page.channel, 190, None)),
        None if node == "me" => Err(GraphError::bad_token()),
        None => Err(GraphError::no_such_node("post", node)),
    }
}

fn answer(world: &World, result: Result<Value, GraphError>) -> HttpResponse {
    match result {
        Ok(document) => HttpResponse::Ok().json(document),
        Err(error) => error.response(&world.ids),
    }
}

/// The word by which faults know a call.
fn kind(edge: &str, body: &Value) -> &'static str {
    match edge {
        "messages" if body.get("sender_action").is_some() => "mark_read",
        "messages" => "send",
        "message_attachments" => "media",
        "subscribed_apps" => "subscribe",
        _ => "node",
    }
}

/// A call with a body: `POST /{account}/{edge}`.
pub async fn post(
    world: &Arc<World>,
    http: &HttpRequest,
    node: &str,
    token: &str,
    edge: &str,
    body: Bytes,
) -> HttpResponse {
    let document = request::read(world, http, &body).await;
    let written = document.as_ref().map_or(&Value::Null, |document| document);
    let recipient = written.pointer("/recipient/id").and_then(Value::as_str);
    let page = account(world, node, token, recipient);
    let vendor = page.as_ref().map_or("messenger", |page| page.channel.name());
    let facts = Facts { vendor, kind: kind(edge, written), path: http.path(), body: &body };
    around(world, facts, async |actions| {
        let page = match authorised(page, node, token) {
            Ok(page) => page,
            Err(error) => return error.response(&world.ids),
        };
        let result = match (edge, document) {
            ("subscribed_apps", _) => Ok(subscribed(world, http, &page)),
            (_, Err(error)) => Err(error),
            ("messages", Ok(document)) => messages::take(world, &page, document, actions).await,
            ("message_attachments", Ok(document)) => nodes::upload(world, &page, &document),
            (edge, Ok(document)) => messages::hand_over(world, &page, edge, &document),
        };
        answer(world, result)
    })
    .await
}

fn subscribed(world: &World, http: &HttpRequest, page: &Page) -> Value {
    let query = Query::<Vec<(String, String)>>::from_query(http.query_string()).map(Query::into_inner);
    let fields = query.unwrap_or_default().into_iter().find(|pair| pair.0 == "subscribed_fields").map(|pair| pair.1);
    world.books.note(
        "subscribed",
        json!({"channel": page.channel, "account": page.id, "method": http.method().as_str(), "fields": fields}),
    );
    json!({"success": true})
}

/// `GET /{node}` for an account or one of its customers; `None` when the node is neither.
pub async fn get(
    world: &Arc<World>,
    http: &HttpRequest,
    node: &str,
    token: &str,
    fields: &str,
) -> Option<HttpResponse> {
    let own = claims(world, node);
    let page = if own { account(world, node, token, None) } else { acquainted(world, node, token) };
    if !own && page.is_none() {
        return None;
    }
    let vendor = page.as_ref().map_or("messenger", |page| page.channel.name());
    let facts = Facts { vendor, kind: "node", path: http.path(), body: &[] };
    let response = around(world, facts, async |_| {
        let result = authorised(page, node, token).and_then(|page| {
            if own { Ok(nodes::account(&page, fields)) } else { nodes::profile(world, &page, node, fields) }
        });
        answer(world, result)
    });
    Some(response.await)
}
