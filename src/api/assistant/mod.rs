//! The assistant's surface, under `/api/v1`: one file for the first word of an address. Every answer, a failure too,
//! is `{"success","data","error","meta"}`.

pub mod asking;
pub mod auth;
pub mod calendars;
pub mod chat;
pub mod follow_ups;
pub mod memory;
pub mod my_day;
pub mod tasks;

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::Value;

use super::{Doors, request_id};
use crate::domain::errors::Code;

/// Whether an address is of this surface.
#[must_use]
pub fn owns(path: &str) -> bool {
    path.starts_with("/api/v1/")
}

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .configure(auth::configure)
        .configure(calendars::configure)
        .configure(chat::configure)
        .configure(follow_ups::configure)
        .configure(memory::configure)
        .configure(my_day::configure)
        .configure(tasks::configure);
}

/// What stands beside every answer.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Meta {
    /// Leads to the log.
    #[schema(example = "0198c1d2-7e00-7000-8000-0000000000ff")]
    pub request_id: String,
    /// When it was answered: RFC 3339, UTC.
    #[schema(example = "2026-01-01T00:00:00.000Z")]
    pub timestamp: String,
    /// Of a list: which page this is, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<i64>,
    /// Of a list: how many items there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<i64>,
    /// Of a list: most items on a page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
    /// Why parts of the answer are not there, by part.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, example = json!({"calendar": "no calendar is connected"}))]
    pub reasons: Option<BTreeMap<&'static str, String>>,
}

impl Meta {
    /// What stands beside the answer to this request, now.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Self {
        let now = request.app_data::<web::Data<Doors>>().map(|doors| doors.switchboard.now()).unwrap_or_default();
        let (request_id, timestamp) = (request_id::of(request).0, timestamp(now));
        Self { request_id, timestamp, page: None, total: None, limit: None, reasons: None }
    }

    /// The same beside one page of a list.
    #[must_use]
    pub fn with_page(self, page: i64, total: i64, limit: i64) -> Self {
        Self { page: Some(page), total: Some(total), limit: Some(limit), ..self }
    }

    /// The same with why parts of the answer are not there.
    #[must_use]
    pub fn with_reasons(self, reasons: BTreeMap<&'static str, String>) -> Self {
        Self { reasons: (!reasons.is_empty()).then_some(reasons), ..self }
    }
}

/// An answer of this surface.
#[derive(Debug, Serialize)]
pub struct Answer<'a, T> {
    success: bool,
    data: Option<T>,
    error: Option<Trouble<'a>>,
    meta: Meta,
}

/// What went wrong.
#[derive(Debug, Serialize)]
struct Trouble<'a> {
    code: Code,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a Value>,
}

impl<'a> Answer<'a, ()> {
    /// A failure.
    #[must_use]
    pub fn failed(code: Code, message: &'a str, details: Option<&'a Value>, meta: Meta) -> Self {
        Self { success: false, data: None, error: Some(Trouble { code, message, details }), meta }
    }
}

/// The answer to a request that was served.
#[must_use]
pub fn served<T: Serialize>(status: StatusCode, data: T, meta: Meta) -> HttpResponse {
    HttpResponse::build(status).json(Answer { success: true, data: Some(data), error: None, meta })
}

/// A failure, as the document describes it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AssistantFailure {
    /// `false`.
    #[schema(example = false)]
    pub success: bool,
    /// `null`.
    #[schema(value_type = Option<Object>)]
    pub data: Option<Value>,
    /// The failure.
    pub error: AssistantTrouble,
    /// What stands beside it.
    pub meta: Meta,
}

/// What went wrong, as the document describes it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AssistantTrouble {
    /// A stable word.
    pub code: Code,
    /// A sentence.
    pub message: String,
    /// For a 400 every failing field; else what helps with this code.
    pub details: Option<super::failure::Details>,
}

/// Unix milliseconds as RFC 3339 in UTC.
#[must_use]
pub fn timestamp(unix_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(unix_ms).map(|at| format!("{at:.3}")).unwrap_or_default()
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
