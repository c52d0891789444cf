//! The assistant's surface, column by column.

mod auth;
mod chat;
mod follow_ups;
mod memory;
mod my_day;
mod tasks;

use serde_json::Value;

use crate::support::gateway::{Gateway, answer};

/// Status and body of a request with the workspace's key and a JSON body.
async fn send(gateway: &Gateway, method: &str, path: &str, body: &Value) -> (u16, Value) {
    answer(gateway.acme(method, path).json(body)).await
}

/// What a request made.
async fn make(gateway: &Gateway, path: &str, body: Value) -> Value {
    let (status, made) = send(gateway, "POST", path, &body).await;
    assert_eq!((status, &made["success"], &made["error"]), (201, &Value::Bool(true), &Value::Null), "{made}");
    made["data"].clone()
}

/// The field that a refused request names first.
async fn refused(gateway: &Gateway, method: &str, path: &str, body: &Value) -> String {
    let (status, refused) = send(gateway, method, path, body).await;
    assert_eq!((&refused["success"], &refused["data"]), (&Value::Bool(false), &Value::Null), "{refused}");
    let field = refused["error"]["details"][0]["field"].as_str().unwrap().to_owned();
    // An id in its form may lead nowhere.
    assert!(status == 400 || (status == 404 && field.ends_with("_id")), "{status} {refused}");
    field
}

/// The events of a kind, as their data.
async fn told(gateway: &Gateway, kind: &str) -> Vec<Value> {
    let events = gateway.read("/api/events?limit=500").await;
    let events = events["events"].as_array().unwrap();
    events.iter().filter(|event| event["event"] == kind).map(|event| event["data"].clone()).collect()
}
