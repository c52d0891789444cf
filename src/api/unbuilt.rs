//! The part of the documented surface that is not built yet: each address answers 501 in its surface's envelope, to
//! everybody, because there is nothing behind it. An address leaves this table when it is built.

use std::collections::BTreeMap;

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Map, Value, json};

use super::failure::{Failure, no_such_method};
use super::openapi;
use crate::domain::errors::Code;

/// Addresses with their methods.
const UNBUILT: &[(&str, &[&str])] = &[
    ("/api/broadcasts", &["GET", "POST"]),
    ("/api/broadcasts/{id}", &["GET", "PATCH", "DELETE"]),
    ("/api/workflows", &["GET", "POST"]),
    ("/api/workflows/{id}", &["GET", "PATCH", "DELETE"]),
    ("/api/workflows/{id}/publish", &["POST"]),
    ("/api/runs", &["GET"]),
    ("/api/runs/{id}", &["GET"]),
    ("/api/runs/{id}/steps", &["GET"]),
    ("/api/runs/{id}/replay", &["POST"]),
    ("/api/webhooks/automations/{path}", &["POST"]),
    ("/api/v1/connectors", &["GET"]),
    ("/api/v1/connectors/schemas", &["GET"]),
    ("/api/v1/connectors/{id}", &["GET"]),
    ("/api/v1/connectors/{id}/configure", &["POST"]),
    ("/api/v1/connectors/{id}/manage", &["POST"]),
    ("/api/v1/connectors/{id}/schemas", &["GET"]),
];

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    for (path, methods) in UNBUILT {
        let mut resource = web::resource(*path);
        for method in methods.iter().filter_map(|method| Method::from_bytes(method.as_bytes()).ok()) {
            resource = resource.route(web::method(method).to(not_built));
        }
        services.service(resource.default_service(web::route().to(no_such_method)));
    }
}

async fn not_built(request: HttpRequest) -> Result<HttpResponse, Failure> {
    Err(Failure::new(&request, Code::NotImplemented, Code::NotImplemented.meaning()))
}

/// Adds the addresses to the paths of the OpenAPI document.
pub(super) fn describe(paths: &mut Map<String, Value>) {
    let mut described: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for (path, methods) in UNBUILT {
        for method in *methods {
            described.entry(path).or_default().insert(method.to_ascii_lowercase(), operation(method, path));
        }
    }
    for (path, item) in described {
        paths.insert(path.to_owned(), Value::Object(item));
    }
}

fn operation(method: &str, path: &str) -> Value {
    let parameters: Vec<Value> = path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    let mut response = openapi::failure(path, Code::NotImplemented.meaning());
    openapi::exemplify(path, "501", &mut response);
    json!({
        "tags": ["not built yet"],
        "summary": "Not built yet.",
        "description": Code::NotImplemented.meaning(),
        "operationId": openapi::operation_id(method, path),
        "security": [{}],
        "parameters": parameters,
        "responses": { "501": response },
    })
}
