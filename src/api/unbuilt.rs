//! The part of the documented surface that is not built yet: each address answers 501 in its surface's envelope, to
//! everybody, because there is nothing behind it. An address leaves this table when it is built.

use std::collections::BTreeMap;

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, ResponseError as _, web};
use serde_json::{Map, Value, json};

use super::Doors;
use super::failure::{Failure, no_such_method};
use super::{openapi, request_id};
use crate::domain::errors::Code;

/// How a surface says that something failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Surface {
    /// `/api` and `/functions/v1`.
    Platform,
    /// `/api/v1`.
    Assistant,
}

/// Addresses with their methods.
const UNBUILT: &[(&str, &[&str])] = &[
    ("/api/auth/sign-up", &["POST"]),
    ("/api/auth/sign-in", &["POST"]),
    ("/api/auth/sign-out", &["POST"]),
    ("/api/auth/session", &["GET"]),
    ("/api/workspaces", &["GET", "POST"]),
    ("/api/workflows", &["GET", "POST"]),
    ("/api/workflows/{id}", &["GET", "PATCH", "DELETE"]),
    ("/api/workflows/{id}/publish", &["POST"]),
    ("/api/runs", &["GET"]),
    ("/api/runs/{id}", &["GET"]),
    ("/api/runs/{id}/steps", &["GET"]),
    ("/api/runs/{id}/replay", &["POST"]),
    ("/api/webhooks/automations/{path}", &["POST"]),
    ("/api/v1/auth/otp/send", &["POST"]),
    ("/api/v1/auth/otp/verify", &["POST"]),
    ("/api/v1/chat", &["POST"]),
    ("/api/v1/tasks", &["GET", "POST"]),
    ("/api/v1/tasks/{id}", &["GET", "PATCH", "PUT", "DELETE"]),
    ("/api/v1/follow-ups", &["GET", "POST"]),
    ("/api/v1/follow-ups/{id}", &["GET", "PATCH", "PUT", "DELETE"]),
    ("/api/v1/memory/search", &["GET"]),
    ("/api/v1/connectors", &["GET"]),
    ("/api/v1/connectors/schemas", &["GET"]),
    ("/api/v1/connectors/{id}", &["GET"]),
    ("/api/v1/connectors/{id}/configure", &["POST"]),
    ("/api/v1/connectors/{id}/manage", &["POST"]),
    ("/api/v1/connectors/{id}/schemas", &["GET"]),
    ("/api/v1/my-day", &["GET"]),
    ("/functions/v1/allxone-agent-chat", &["POST"]),
    ("/functions/v1/agents", &["GET"]),
    ("/functions/v1/leads", &["POST"]),
    ("/functions/v1/webhooks/test", &["POST"]),
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

async fn not_built(request: HttpRequest, doors: web::Data<Doors>) -> HttpResponse {
    let failure = Failure::new(&request, Code::NotImplemented, Code::NotImplemented.meaning());
    match surface(request.path()) {
        Surface::Platform => failure.error_response(),
        Surface::Assistant => HttpResponse::NotImplemented().json(json!({
            "success": false,
            "data": null,
            "error": { "code": Code::NotImplemented, "message": Code::NotImplemented.meaning() },
            "meta": {
                "request_id": request_id::of(&request).0,
                "timestamp": timestamp(doors.switchboard.store.clock().now()),
            },
        })),
    }
}

fn surface(path: &str) -> Surface {
    if path.starts_with("/api/v1/") { Surface::Assistant } else { Surface::Platform }
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
    let mut response = match surface(path) {
        Surface::Platform => openapi::failure(Code::NotImplemented.meaning()),
        Surface::Assistant => json!({
            "description": Code::NotImplemented.meaning(),
            "content": { "application/json": { "schema": { "type": "object" }, "example": {
                "success": false,
                "data": null,
                "error": { "code": Code::NotImplemented, "message": Code::NotImplemented.meaning() },
                "meta": { "request_id": "0198c1d2-7e00-7000-8000-0000000000ff", "timestamp": "2026-01-01T00:00:00.000Z" },
            } } },
        }),
    };
    openapi::exemplify("501", &mut response);
    json!({
        "tags": ["not built yet"],
        "summary": "Not built yet.",
        "operationId": openapi::operation_id(method, path),
        "security": [{}],
        "parameters": parameters,
        "responses": { "501": response },
    })
}

/// Unix milliseconds as RFC 3339 in UTC.
fn timestamp(unix_ms: i64) -> String {
    let (days, in_day) = (unix_ms.div_euclid(86_400_000), unix_ms.rem_euclid(86_400_000));
    // Days since 1 March of year 0, so that a leap day ends its year (the civil-from-days algorithm).
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (in_day / 3_600_000, in_day / 60_000 % 60, in_day / 1_000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", in_day % 1_000)
}

#[cfg(test)]
mod tests {
    use super::timestamp;

    #[test]
    fn times_are_written_as_rfc_3339() {
        for (unix_ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_767_225_600_000, "2026-01-01T00:00:00.000Z"),
            (1_709_210_096_789, "2024-02-29T12:34:56.789Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(timestamp(unix_ms), text);
        }
    }
}
