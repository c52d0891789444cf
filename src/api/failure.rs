//! What goes wrong, in the envelope of the surface that was asked: `{"error":{"code","message","details"?,"request_id"}}`,
//! or the assistant's.

use actix_web::error::{JsonPayloadError, PathError, QueryPayloadError};
use actix_web::http::StatusCode;
use actix_web::http::header::ALLOW;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError, web};
use serde::Serialize;

use super::assistant::{self, Answer};
use super::{openapi, request_id};
use crate::domain::errors::{Code, FieldProblem};
use crate::store::StoreError;

/// The envelope of a failure.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FailureBody {
    /// The failure.
    pub error: FailureDetail,
}

/// A failure.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FailureDetail {
    /// A stable word.
    pub code: Code,
    /// A sentence.
    pub message: String,
    /// For a 400 every failing field; else what helps with this code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Details>)]
    pub details: Option<serde_json::Value>,
    /// Leads to the log.
    pub request_id: String,
}

/// What helps with a failure, as the document describes it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum Details {
    /// Every failing field.
    Fields(Vec<FieldProblem>),
    /// What helps with this code.
    Facts(serde_json::Map<String, serde_json::Value>),
}

/// A failure on its way to the caller.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}: {message}", code.as_str())]
pub struct Failure {
    code: Code,
    message: String,
    // Boxed, so that the usual outcome of a handler stays small.
    details: Option<Box<serde_json::Value>>,
    request_id: String,
    /// Seconds after which to try again.
    retry_after: Option<i64>,
    /// What the assistant's envelope says beside it; none on the other surfaces.
    meta: Option<Box<assistant::Meta>>,
    /// The methods that the address has, when it was asked with another one.
    allowed: Option<String>,
}

impl Failure {
    /// A failure of this kind, for this request.
    pub fn new(request: &HttpRequest, code: Code, message: impl Into<String>) -> Self {
        let meta = assistant::owns(request.path()).then(|| Box::new(assistant::Meta::of(request)));
        let request_id = request_id::of(request).0;
        Self { code, message: message.into(), details: None, request_id, retry_after: None, meta, allowed: None }
    }

    /// Adds what helps with it.
    #[must_use]
    pub fn with(mut self, details: serde_json::Value) -> Self {
        self.details = Some(Box::new(details));
        self
    }

    /// Says after how many seconds to try again.
    #[must_use]
    pub fn after(mut self, seconds: i64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Whether it is of this kind.
    #[must_use]
    pub fn is(&self, code: Code) -> bool {
        self.code == code
    }

    /// What the caller is told.
    #[must_use]
    pub fn detail(&self) -> FailureDetail {
        FailureDetail {
            code: self.code,
            message: self.message.clone(),
            details: self.details.as_deref().cloned(),
            request_id: self.request_id.clone(),
        }
    }

    /// Fields that do not have the documented shape; where all have it and refer to what is not there, nothing of that
    /// name.
    #[must_use]
    pub fn fields(request: &HttpRequest, problems: &[FieldProblem]) -> Self {
        let names = problems.iter().map(|problem| problem.field.as_str()).collect::<Vec<_>>().join(", ");
        let all_absent = !problems.is_empty() && problems.iter().all(|problem| problem.absent);
        let (code, sentence) = match all_absent {
            true => (Code::NotFound, format!("there is nothing behind: {names}")),
            false => (Code::InvalidRequest, format!("not as documented: {names}")),
        };
        Self::new(request, code, sentence).with(serde_json::json!(problems))
    }

    /// The idempotency key was used for something else.
    #[must_use]
    pub fn key_mismatch(request: &HttpRequest) -> Self {
        Self::new(request, Code::IdempotencyMismatch, "the Idempotency-Key was used for a different request")
    }

    /// No credential that serves here.
    #[must_use]
    pub fn unauthenticated(request: &HttpRequest) -> Self {
        Self::new(
            request,
            Code::Unauthenticated,
            "send a valid key or access token (Authorization: Bearer …), or sign in for a session",
        )
    }

    /// Nothing of that name in this workspace.
    #[must_use]
    pub fn not_found(request: &HttpRequest, what: &str) -> Self {
        Self::new(request, Code::NotFound, format!("there is no such {what}"))
    }

    /// The store or a needed part is away.
    #[must_use]
    pub fn unavailable(request: &HttpRequest, reason: &str) -> Self {
        let failure =
            Self::new(request, Code::Unavailable, "this cannot be done just now; nothing was stored; try again");
        tracing::error!(request_id = failure.request_id, reason, "a request could not be served");
        failure
    }

    /// The store could not be read.
    #[must_use]
    pub fn store(request: &HttpRequest, error: &StoreError) -> Self {
        Self::unavailable(request, &error.to_string())
    }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponseBuilder::new(self.status_code());
        if self.code == Code::Unauthenticated {
            response.insert_header(("WWW-Authenticate", "Bearer"));
        }
        if let Some(methods) = &self.allowed {
            response.insert_header((ALLOW, methods.as_str()));
        }
        let usual = matches!(self.code, Code::Unavailable | Code::ConversationQuarantined).then_some(1);
        if let Some(seconds) = self.retry_after.or(usual) {
            response.insert_header(("Retry-After", seconds));
            if self.status_code() == StatusCode::TOO_MANY_REQUESTS {
                response.insert_header(("X-RateLimit-Retry-After", seconds));
            }
        }
        match &self.meta {
            Some(meta) => {
                response.json(Answer::failed(self.code, &self.message, self.details.as_deref(), (**meta).clone()))
            }
            None => response.json(FailureBody { error: self.detail() }),
        }
    }
}

/// Answers every address that does not exist.
///
/// # Errors
/// Always.
pub async fn no_such_address(request: HttpRequest) -> Result<HttpResponse, Failure> {
    Err(Failure::new(&request, Code::NotFound, "there is no such address"))
}

/// Answers a method that an address does not have.
///
/// # Errors
/// Always.
pub async fn no_such_method(request: HttpRequest) -> Result<HttpResponse, Failure> {
    let mut failure = Failure::new(&request, Code::MethodNotAllowed, "this address does not have that method");
    failure.allowed = Some(openapi::methods(request.path()).join(", "));
    Err(failure)
}

/// JSON bodies: size cap and errors in the envelope.
#[must_use]
pub fn json_config(limit: usize) -> web::JsonConfig {
    web::JsonConfig::default().limit(limit).error_handler(|error, request| {
        let failure = match &error {
            JsonPayloadError::OverflowKnownLength { .. } | JsonPayloadError::Overflow { .. } => {
                Failure::new(request, Code::PayloadTooLarge, "the body is larger than this address accepts")
            }
            JsonPayloadError::ContentType => {
                Failure::new(request, Code::UnsupportedMediaType, "send Content-Type: application/json")
            }
            JsonPayloadError::Deserialize(error) => {
                Failure::fields(request, &[FieldProblem::new("body", error.to_string())])
            }
            _ => Failure::new(request, Code::InvalidRequest, "the body could not be read"),
        };
        failure.into()
    })
}

/// Query strings: errors in the envelope.
#[must_use]
pub fn query_config() -> web::QueryConfig {
    web::QueryConfig::default().error_handler(|error, request| {
        let QueryPayloadError::Deserialize(reason) = &error else {
            return Failure::new(request, Code::InvalidRequest, "the query could not be read").into();
        };
        Failure::fields(request, &[FieldProblem::new("query", reason.to_string())]).into()
    })
}

/// Path segments: errors in the envelope.
#[must_use]
pub fn path_config() -> web::PathConfig {
    web::PathConfig::default().error_handler(|error, request| match error {
        PathError::Deserialize(_) => Failure::new(request, Code::NotFound, "there is no such address").into(),
        _ => Failure::new(request, Code::InvalidRequest, "the address could not be read").into(),
    })
}
