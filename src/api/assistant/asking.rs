//! What the handlers of this surface share: pages, times in a query, refusals, and the answer to what was made.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::Meta;
use crate::api::Doors;
use crate::api::failure::Failure;
use crate::api::reading::Query;
use crate::domain::errors::{Code, FieldProblem};
use crate::domain::fields;
use crate::domain::time_words::{EXPECTED, Said};
use crate::usecases::once::Refused;

/// The page of a list: `page` (from 1) and `limit` (1 to 100, else 20).
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    page: i64,
    /// Most items.
    pub limit: i64,
}

impl Asked {
    /// The page that a query asks for.
    pub fn of(query: &mut Query) -> Self {
        let page = query.number("page", 1..=i64::MAX).unwrap_or(1);
        Self { page, limit: query.number("limit", 1..=100).unwrap_or(20) }
    }

    /// Items before the page.
    #[must_use]
    pub const fn offset(self) -> i64 {
        (self.page - 1).saturating_mul(self.limit)
    }

    /// What stands beside the page.
    #[must_use]
    pub fn meta(self, request: &HttpRequest, total: i64) -> Meta {
        Meta::of(request).with_page(self.page, total, self.limit)
    }
}

/// The page of a list, as the document describes it.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what `Asked::of` reads")]
pub struct Paged {
    /// Which page.
    #[param(minimum = 1, default = 1)]
    page: Option<i64>,
    /// Most items on a page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
}

/// An answer that was served, as the document describes it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Served<T: utoipa::ToSchema> {
    /// `true`.
    #[schema(example = true)]
    pub success: bool,
    /// What was asked for.
    pub data: T,
    /// Nothing.
    pub error: Option<serde_json::Value>,
    /// What stands beside it.
    pub meta: Meta,
}

/// The id of something that is no longer there.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Deleted {
    /// UUID.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000020")]
    pub id: String,
    /// `true`.
    #[schema(example = true)]
    pub deleted: bool,
}

/// The answer to something that was deleted.
#[must_use]
pub fn deleted(request: &HttpRequest, id: String) -> HttpResponse {
    super::served(StatusCode::OK, Deleted { id, deleted: true }, Meta::of(request))
}

/// The answer to something that was read or changed.
#[must_use]
pub fn shown<T: Serialize>(request: &HttpRequest, data: T) -> HttpResponse {
    super::served(StatusCode::OK, data, Meta::of(request))
}

/// The answer to something that was made, now or before under the same key.
#[must_use]
pub fn made<T: Serialize>(request: &HttpRequest, (data, repeated): (T, bool)) -> HttpResponse {
    repeatable(super::served(StatusCode::CREATED, data, Meta::of(request)), repeated)
}

/// The same answer, which says whether it is a repetition.
#[must_use]
pub fn repeatable(mut response: HttpResponse, repeated: bool) -> HttpResponse {
    if repeated {
        let (name, value) = ("idempotent-replayed", "true");
        let name = actix_web::http::header::HeaderName::from_static(name);
        response.headers_mut().insert(name, actix_web::http::header::HeaderValue::from_static(value));
    }
    response
}

/// Why something was not made, changed or deleted.
#[must_use]
pub fn refuse(request: &HttpRequest, what: &str, refusal: Refused) -> Failure {
    match refusal {
        Refused::Unknown => Failure::not_found(request, what),
        Refused::Fields(problems) => Failure::fields(request, &problems),
        Refused::KeyMismatch => {
            let sentence = "this Idempotency-Key was used before with a different request";
            Failure::new(request, Code::IdempotencyMismatch, sentence)
        }
        Refused::Gone => Failure::new(request, Code::Conflict, "what this Idempotency-Key made was deleted since"),
        Refused::Store(error) => Failure::store(request, &error),
    }
}

/// A contact's or an agent's id in a query, where it is given.
pub fn id(query: &mut Query, name: &str) -> Option<String> {
    query.word(name, "an id", fields::id)
}

/// A moment in a query, where it is given: of a day its first.
///
/// # Errors
/// 400 for what is not understood.
pub async fn moment(
    request: &HttpRequest,
    doors: &Doors,
    workspace_id: &str,
    (name, text): (&str, Option<String>),
) -> Result<Option<i64>, Failure> {
    let Some(text) = text else { return Ok(None) };
    let here = doors.switchboard.standpoint(workspace_id).await.map_err(|error| Failure::store(request, &error))?;
    let said = text.parse().map_or(Said::Words(text), Said::At);
    let moment = here.read_start(&said);
    moment.map(Some).ok_or_else(|| Failure::fields(request, &[FieldProblem::new(name, EXPECTED)]))
}
