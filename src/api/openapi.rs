//! The OpenAPI document and the table of errors, made from the code: what every operation shares is added here, so
//! that no handler repeats it.

use actix_web::{HttpResponse, web};
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use super::failure::no_such_method;
use super::{assistant, callbacks, health, platform, talk, unbuilt};
use crate::domain::errors::{Code, FieldProblem};

/// Adds the address.
pub fn configure(services: &mut web::ServiceConfig) {
    services.service(
        web::resource("/openapi.json").route(web::get().to(read)).default_service(web::route().to(no_such_method)),
    );
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "operations", security(()),
    responses((status = 200, description = "The OpenAPI document.", body = serde_json::Value)))]
pub async fn read() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(document())
}

/// The schema of a failure.
const FAILURE: &str = "#/components/schemas/FailureBody";
/// The schema of a failure on the assistant's surface.
const ASSISTANT_FAILURE: &str = "#/components/schemas/AssistantFailure";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Switchboard",
        description = "A self-hosted omnichannel messaging gateway for AI agents. Times are Unix milliseconds, ids are \
                       UUIDs. Every answer carries `X-Request-Id`; a sane one of the caller is taken over.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    paths(
        health::healthz,
        health::readyz,
        health::metrics,
        read,
        assistant::chat::chat,
        callbacks::deliveries::handshake,
        callbacks::deliveries::deliver,
        platform::agents::list,
        platform::agents::one,
        platform::agents::chat::chat,
        platform::channels::list,
        platform::channels::one,
        platform::channels::create,
        platform::channels::amend,
        platform::channels::remove,
        platform::channels::pause,
        platform::channels::resume,
        platform::channels::test,
        platform::channels::rotate,
        platform::contacts::list,
        platform::contacts::create,
        platform::contacts::one,
        platform::contacts::change,
        platform::contacts::delete,
        platform::contacts::merges::merge,
        platform::contacts::merges::list,
        platform::contacts::merges::undo,
        platform::contacts::rules::read,
        platform::contacts::rules::set,
        platform::contacts::timeline::read,
        platform::conversations::list,
        platform::conversations::one,
        platform::conversations::change,
        platform::conversations::messages::list,
        platform::conversations::messages::send,
        platform::conversations::read,
        platform::conversations::typing,
        platform::conversations::state,
        platform::deliveries::list,
        platform::deliveries::one,
        platform::deliveries::redeliver,
        platform::events::read,
        platform::files::upload,
        platform::files::download,
        platform::jobs::dead,
        platform::jobs::retry,
        platform::messages::exchanges,
        platform::messages::trace,
        platform::providers::one,
        platform::providers::set,
        platform::providers::remove,
        platform::widget::open,
        platform::widget::preflight,
        platform::widget::script,
        platform::widget::page,
    ),
    components(schemas(assistant::AssistantFailure, FieldProblem, talk::ChatMessage))
)]
struct Document;

/// The document as JSON with a line break at its end.
#[must_use]
pub fn document() -> String {
    let mut document = serde_json::to_value(Document::openapi()).unwrap_or_default();
    if let Some(members) = document.as_object_mut() {
        members.insert("security".to_owned(), json!([{ "key": [] }]));
    }
    if let Some(components) = document.get_mut("components").and_then(Value::as_object_mut) {
        let key = json!({
            "type": "http", "scheme": "bearer",
            "description": "An API key: `Authorization: Bearer sb_…`. It is the workspace's, or that of one agent only.",
        });
        components.insert("securitySchemes".to_owned(), json!({ "key": key }));
    }
    if let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) {
        for (path, item) in paths.iter_mut() {
            for (method, operation) in item.as_object_mut().into_iter().flatten() {
                if let Some(operation) = operation.as_object_mut() {
                    complete(method, path, operation);
                }
            }
        }
        unbuilt::describe(paths);
    }
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

/// Adds what all operations share: a unique name, and the failures that follow from what they need.
fn complete(method: &str, path: &str, operation: &mut Map<String, Value>) {
    operation.insert("operationId".to_owned(), json!(operation_id(method, path)));
    let open = operation.contains_key("security");
    let reads_json =
        operation.get("requestBody").is_some_and(|body| body.pointer("/content/application~1json").is_some());
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    let mut shared: Vec<Code> = Vec::new();
    if !open {
        shared.extend([Code::Unauthenticated, Code::Forbidden, Code::Unavailable]);
    }
    if reads_json {
        shared.extend([Code::RequestTimeout, Code::PayloadTooLarge, Code::UnsupportedMediaType]);
    }
    for code in shared {
        let status = code.status().to_string();
        responses.entry(status).or_insert_with(|| failure(path, code.meaning()));
    }
    for (status, response) in responses.iter_mut() {
        exemplify(path, status, response);
    }
    responses.sort_keys();
}

/// A response with the envelope of a failure that this address's surface has.
pub(super) fn failure(path: &str, description: &str) -> Value {
    let schema = if assistant::owns(path) { ASSISTANT_FAILURE } else { FAILURE };
    json!({
        "description": description,
        "content": { "application/json": { "schema": { "$ref": schema } } },
    })
}

/// Adds a sample to a failure.
pub(super) fn exemplify(path: &str, status: &str, response: &mut Value) {
    let Ok(status) = status.parse::<u16>() else { return };
    let Some(code) = Code::ALL.iter().find(|code| code.status() == status) else { return };
    let description = response.get("description").and_then(Value::as_str).unwrap_or(code.meaning()).to_owned();
    let Some(content) = response.pointer_mut("/content/application~1json").and_then(Value::as_object_mut) else {
        return;
    };
    let schema = content.get("schema").and_then(|schema| schema.get("$ref")).and_then(Value::as_str);
    if schema != Some(FAILURE) && schema != Some(ASSISTANT_FAILURE) {
        return;
    }
    let request_id = "0198c1d2-7e00-7000-8000-0000000000ff";
    let mut error = json!({ "code": code.as_str(), "message": description });
    if *code == Code::InvalidRequest
        && let Some(members) = error.as_object_mut()
    {
        let problem = FieldProblem::new("messages[0].role", "user, assistant or system");
        members.insert("details".to_owned(), json!([problem]));
    }
    let example = if assistant::owns(path) {
        content.insert("schema".to_owned(), json!({ "$ref": ASSISTANT_FAILURE }));
        json!({
            "success": false, "data": null, "error": error,
            "meta": { "request_id": request_id, "timestamp": "2026-01-01T00:00:00.000Z" },
        })
    } else {
        if let Some(members) = error.as_object_mut() {
            members.insert("request_id".to_owned(), json!(request_id));
        }
        json!({ "error": error })
    };
    content.insert("example".to_owned(), example);
}

/// `GET /api/conversations/{id}/messages` is `get_conversations_id_messages`.
pub(super) fn operation_id(method: &str, path: &str) -> String {
    let words =
        path.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty() && *word != "api");
    let mut id = method.to_ascii_lowercase();
    for word in words {
        id.push('_');
        id.push_str(word);
    }
    id
}

/// The table of error codes, as Markdown with a line break at its end.
#[must_use]
pub fn error_table() -> String {
    let mut table = String::from(
        "# Errors\n\nEvery failure is `{\"error\":{\"code\",\"message\",\"details\"?,\"request_id\"}}`. `code` is one of these \
         words and never changes its meaning; `message` is for people; `request_id` leads to the log and is also the \
         header `X-Request-Id`.\n\n| code | status | meaning |\n|---|---|---|\n",
    );
    for code in Code::ALL {
        table.push_str(&format!("| `{}` | {} | {} |\n", code.as_str(), code.status(), code.meaning()));
    }
    table
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use super::{document, error_table};

    #[test]
    fn every_operation_has_a_name_of_its_own_and_every_reference_leads_somewhere() {
        let text = document();
        let document: Value = serde_json::from_str(&text).unwrap();
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        let mut names = HashSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let name = operation["operationId"].as_str().unwrap_or_else(|| panic!("{method} {path}"));
                assert!(names.insert(name.to_owned()), "{name} twice");
            }
        }
        for piece in text.split("\"#/components/schemas/").skip(1) {
            let name = piece.split('"').next().unwrap();
            assert!(document["components"]["schemas"].get(name).is_some(), "{name} is not described");
        }
    }

    #[test]
    fn the_table_has_a_line_for_every_code() {
        let table = error_table();
        for code in crate::domain::errors::Code::ALL {
            assert!(table.contains(&format!("| `{}` |", code.as_str())));
        }
    }
}
