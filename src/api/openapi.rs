//! The OpenAPI document and the table of errors, made from the code: what every operation shares is added here, so
//! that no handler repeats it.

mod rules;
mod shapes;
mod streams;
mod tags;

use std::sync::LazyLock;

use actix_web::{HttpResponse, web};
use serde_json::{Map, Value, json};
use utoipa::OpenApi;

use super::failure::no_such_method;
use super::{assistant, callbacks, docs, functions, health, limiting, platform, talk, unbuilt};
use crate::domain::browsers::SESSION_COOKIE;
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
                       UUIDs. Every answer carries `X-Request-Id`; a sane one of the caller is taken over. Every answer also \
                       says how its caller stands: `X-RateLimit-Limit`, `X-RateLimit-Remaining` and \
                       `X-RateLimit-Reset` (Unix seconds); a 429 means that nothing happened, and when to come again.",
        contact(name = "The makers of Switchboard"),
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    servers((url = "/", description = "The gateway that served this document.")),
    paths(
        assistant::calendars::list,
        assistant::calendars::create,
        assistant::calendars::delete,
        assistant::follow_ups::list,
        assistant::follow_ups::create,
        assistant::follow_ups::one,
        assistant::follow_ups::change,
        assistant::follow_ups::replace,
        assistant::follow_ups::delete,
        assistant::memory::list,
        assistant::memory::create,
        assistant::memory::search,
        assistant::memory::one,
        assistant::memory::change,
        assistant::memory::delete,
        assistant::my_day::read,
        assistant::tasks::list,
        assistant::tasks::create,
        assistant::tasks::one,
        assistant::tasks::change,
        assistant::tasks::replace,
        assistant::tasks::delete,
        health::healthz,
        health::readyz,
        health::metrics,
        read,
        assistant::auth::send,
        assistant::auth::verify,
        assistant::chat::chat,
        callbacks::deliveries::handshake,
        callbacks::deliveries::handshake_of_one,
        callbacks::deliveries::deliver_to_one,
        callbacks::deliveries::deliver,
        docs::page,
        docs::file,
        functions::agents::list,
        functions::chat::chat,
        functions::leads::create,
        functions::webhooks::test,
        platform::agents::list,
        platform::agents::one,
        platform::agents::changes::create,
        platform::agents::changes::amend,
        platform::agents::changes::remove,
        platform::agents::chat::chat,
        platform::api_keys::list,
        platform::api_keys::create,
        platform::api_keys::one,
        platform::api_keys::change,
        platform::api_keys::revoke,
        platform::api_keys::rotate,
        platform::audit::list,
        platform::auth::sign_up,
        platform::auth::sign_in,
        platform::auth::sign_out,
        platform::auth::session,
        platform::auth::password,
        platform::agents::documents::list,
        platform::agents::documents::give,
        platform::agents::documents::one,
        platform::agents::documents::replace,
        platform::agents::documents::remove,
        platform::agents::documents::refresh,
        platform::agents::documents::search,
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
        platform::contacts::privacy::export,
        platform::contacts::privacy::erase,
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
        platform::erasures::list,
        platform::erasures::one,
        platform::events::read,
        platform::files::upload,
        platform::files::download,
        platform::invitations::list,
        platform::invitations::create,
        platform::invitations::accept,
        platform::invitations::withdraw,
        platform::jobs::dead,
        platform::jobs::retry,
        platform::members::list,
        platform::members::change,
        platform::members::remove,
        platform::leads::list,
        platform::leads::create,
        platform::leads::one,
        platform::leads::change,
        platform::leads::delete,
        platform::messages::exchanges,
        platform::messages::withdraw,
        platform::webhook_deliveries::one,
        platform::webhook_deliveries::redeliver,
        platform::webhook_endpoints::list,
        platform::webhook_endpoints::create,
        platform::webhook_endpoints::one,
        platform::webhook_endpoints::amend,
        platform::webhook_endpoints::remove,
        platform::webhook_endpoints::rotate,
        platform::webhook_endpoints::enable,
        platform::webhook_endpoints::test,
        platform::webhook_endpoints::deliveries,
        platform::webhook_endpoints::redeliver,
        platform::messages::trace,
        platform::providers::one,
        platform::providers::set,
        platform::providers::remove,
        platform::retention::read,
        platform::retention::set,
        platform::usage::plan,
        platform::usage::read,
        platform::widget::open,
        platform::widget::preflight,
        platform::widget::leads::create,
        platform::widget::leads::preflight,
        platform::widget::script,
        platform::widget::lead_form,
        platform::widget::page,
        platform::workspaces::list,
        platform::workspaces::create,
        platform::workspaces::one,
        platform::workspaces::change,
    ),
    components(schemas(assistant::AssistantFailure, talk::ChatMessage))
)]
struct Document;

/// The document as JSON with a line break at its end.
#[must_use]
pub fn document() -> String {
    let mut document = serde_json::to_value(Document::openapi()).unwrap_or_default();
    if let Some(members) = document.as_object_mut() {
        members.insert("security".to_owned(), json!([{ "key": [] }, { "session": [] }, { "token": [] }]));
    }
    if let Some(components) = document.get_mut("components").and_then(Value::as_object_mut) {
        let key = json!({
            "type": "http", "scheme": "bearer",
            "description": "An API key: `Authorization: Bearer sb_…`. It is the workspace's, or that of one agent only.",
        });
        let session = json!({
            "type": "apiKey", "in": "cookie", "name": SESSION_COOKIE,
            "description": "A member's session, from `POST /api/auth/sign-in`. Who belongs to several workspaces names \
                            one in the header `x-tenant-id`.",
        });
        let token = json!({
            "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "A member's access token, from `POST /api/v1/auth/otp/verify`. It is for the workspace that \
                            they joined first, unless `x-tenant-id` names another of theirs.",
        });
        let schemes = json!({ "key": key, "session": session, "token": token });
        components.insert("securitySchemes".to_owned(), schemes);
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
    tags::describe(&mut document);
    rules::complete(&mut document);
    shapes::settle(&mut document);
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

/// Adds what all operations share: a unique name, and the failures that follow from what they need.
fn complete(method: &str, path: &str, operation: &mut Map<String, Value>) {
    operation.insert("operationId".to_owned(), json!(operation_id(method, path)));
    // One sentence may say all.
    let summary = operation.get("summary").cloned().unwrap_or_default();
    operation.entry("description").or_insert(summary);
    let asks_nothing = |one: &Value| one.as_object().is_some_and(Map::is_empty);
    let open = operation.get("security").and_then(Value::as_array).is_some_and(|all| all.iter().any(asks_nothing));
    let reads_json =
        operation.get("requestBody").is_some_and(|body| body.pointer("/content/application~1json").is_some());
    let needs = operation.get("x-permission").and_then(Value::as_str).map(str::to_owned);
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    let mut shared: Vec<Code> = Vec::new();
    if !open {
        // A member may name no workspace, or one that is none of theirs.
        shared.extend([
            Code::InvalidRequest,
            Code::Unauthenticated,
            Code::Forbidden,
            Code::NotFound,
            Code::Unavailable,
        ]);
    }
    if limiting::is_counted(path) {
        shared.push(Code::RateLimited);
    }
    if reads_json {
        shared.extend([Code::RequestTimeout, Code::PayloadTooLarge, Code::UnsupportedMediaType]);
    }
    for code in shared {
        let status = code.status().to_string();
        let needs = needs.as_deref().filter(|_| code == Code::Forbidden);
        let needs = needs.map(|word| format!("The credential does not carry the permission `{word}`."));
        let meaning = needs.as_deref().unwrap_or(code.meaning());
        responses.entry(status).or_insert_with(|| failure(path, meaning));
    }
    for (status, response) in responses.iter_mut() {
        exemplify(path, status, response);
        streams::describe(response);
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
    let said = response.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
    let of_status = || Code::ALL.iter().filter(|code| code.status() == status);
    // A description may name the code that it is about.
    let named = of_status().find(|code| said.contains(code.as_str()));
    let Some(code) = named.or_else(|| of_status().next()) else { return };
    let description = if said.is_empty() { code.meaning().to_owned() } else { said };
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

/// The methods that an address has, as the document says.
#[must_use]
pub fn methods(path: &str) -> &'static [String] {
    static METHODS: LazyLock<Vec<(Vec<String>, Vec<String>)>> = LazyLock::new(|| {
        let document: Value = serde_json::from_str(&document()).unwrap_or_default();
        let paths = document.get("paths").and_then(Value::as_object);
        let operations = paths.into_iter().flatten().map(|(path, item)| {
            let methods = item.as_object().into_iter().flatten().map(|(method, _)| method.to_ascii_uppercase());
            (path.split('/').map(str::to_owned).collect(), methods.collect())
        });
        operations.collect()
    });
    let asked: Vec<&str> = path.split('/').collect();
    let matches = |known: &[String]| {
        known.len() == asked.len()
            && known
                .iter()
                .zip(&asked)
                .all(|(known, asked)| known == asked || (known.starts_with('{') && !asked.is_empty()))
    };
    let variables = |known: &[String]| known.iter().filter(|part| part.starts_with('{')).count();
    let found = METHODS.iter().filter(|(known, _)| matches(known)).min_by_key(|(known, _)| variables(known));
    found.map_or(&[], |(_, methods)| methods)
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

    use super::{document, error_table, methods};

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
                for tag in operation["tags"].as_array().unwrap() {
                    let described = document["tags"].as_array().unwrap();
                    assert!(described.iter().any(|group| group["name"] == *tag), "{tag} is not described");
                }
            }
        }
        for piece in text.split("\"#/components/schemas/").skip(1) {
            let name = piece.split('"').next().unwrap();
            assert!(document["components"]["schemas"].get(name).is_some(), "{name} is not described");
        }
    }

    #[test]
    fn an_address_has_the_methods_of_the_most_precise_path() {
        assert_eq!(methods("/api/contacts/merge-rules"), ["GET", "PUT"]);
        assert_eq!(methods("/api/agents/0198c1d2/chat"), ["POST"]);
        assert!(methods("/api/webhooks/whatsapp").contains(&"GET".to_owned()));
        assert!(methods("/api/agents//chat").is_empty() && methods("/elsewhere").is_empty());
    }

    #[test]
    fn the_table_has_a_line_for_every_code() {
        let table = error_table();
        for code in crate::domain::errors::Code::ALL {
            assert!(table.contains(&format!("| `{}` |", code.as_str())));
        }
    }
}
