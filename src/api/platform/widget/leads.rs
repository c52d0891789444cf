//! `/api/widget/leads`: the form in which a visitor says how to reach them. Open to every page that may use the widget;
//! the visitor's token says who asks.

use actix_web::{HttpRequest, HttpResponse, ResponseError as _, web};
use serde::{Deserialize, Serialize};

use super::{answer_preflight, may_use, refuse, shared_with};
use crate::api::failure::{Failure, no_such_method};
use crate::api::platform::auth::too_often;
use crate::api::{Doors, peer, reading};
use crate::domain::errors::Code;
use crate::domain::leads::Lead;
use crate::usecases::lead_forms::{FilledForm, Unfilled};

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services.service(
        web::resource("/api/widget/leads")
            .route(web::post().to(create))
            .route(web::method(actix_web::http::Method::OPTIONS).to(preflight))
            .default_service(web::route().to(no_such_method)),
    );
}

/// What a visitor says of themselves. An email address or a phone number is needed.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeadFormToFill {
    /// The visitor's token.
    #[schema(example = "MDE5OGMxZDJ8…")]
    token: String,
    /// Name.
    #[schema(format = "label", max_length = 320, example = "Jane Smith")]
    contact_name: Option<String>,
    /// Email address.
    #[schema(format = "email or nothing", example = "jane@example.com")]
    contact_email: Option<String>,
    /// Phone number, as it is dialled.
    #[schema(format = "dialled", example = "+44 7700 900000")]
    contact_phone: Option<String>,
    /// What they ask, 1 to 4,000 characters. It is said in the conversation, too.
    #[schema(format = "filled", min_length = 1, max_length = 4_000, example = "Do you cater for parties?")]
    message: String,
}

/// A form that was taken.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LeadFormFilled {
    /// The lead.
    #[schema(example = "0198c1d2-7e00-7000-8000-00000000000f")]
    pub id: String,
    /// The visitor's conversation, in which the message was said.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000004")]
    pub conversation_id: Option<String>,
}

/// Takes a visitor's form: a lead of the visitor's contact, whose message is said in the conversation. The widget's setting
/// `lead_form` says whether there is a form. A repeated `Idempotency-Key` gives the first answer again, with
/// `Idempotent-Replayed: true`.
///
/// # Errors
/// 400 for fields that are not as documented, each by its name; 401 for a token that is not good any more, 403 from a page
/// that may not use the widget, 404 where there is no form, 409 when the key was used for something else, 429 for too
/// many forms.
#[utoipa::path(post, path = "/api/widget/leads", tag = "widget", security(()),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters: the same key captures it once.")),
    request_body = LeadFormToFill,
    responses((status = 201, description = "It was taken.", body = LeadFormFilled),
              (status = 400, description = "Fields are not as documented.", body = crate::api::failure::FailureBody),
              (status = 401, description = "The token is not good any more.", body = crate::api::failure::FailureBody),
              (status = 403, description = "The widget may not be used from this page.", body = crate::api::failure::FailureBody),
              (status = 404, description = "The widget has no form.", body = crate::api::failure::FailureBody),
              (status = 409, description = "The key was used for something else, or what it captured was deleted.", body = crate::api::failure::FailureBody),
              (status = 429, description = "Too many forms; `Retry-After` says when to try again.", body = crate::api::failure::FailureBody),
              (status = 503, description = "Not now.", body = crate::api::failure::FailureBody)))]
pub async fn create(request: HttpRequest, doors: web::Data<Doors>, payload: web::Payload) -> HttpResponse {
    match fill(&request, &doors, payload).await {
        Ok((lead, repeated)) => {
            let mut response = HttpResponse::Created();
            if repeated {
                response.insert_header(("Idempotent-Replayed", "true"));
            }
            let filled = LeadFormFilled { id: lead.id, conversation_id: lead.conversation_id };
            shared_with(&request, response.json(filled), true)
        }
        Err(failure) => shared_with(&request, failure.error_response(), !failure.is(Code::Forbidden)),
    }
}

async fn fill(request: &HttpRequest, doors: &Doors, payload: web::Payload) -> Result<(Lead, bool), Failure> {
    let key = reading::idempotency_key(request)?;
    let asked: LeadFormToFill = reading::json(request, doors, payload).await?;
    let switchboard = &doors.switchboard;
    let visitor = switchboard.visitor(&asked.token).ok_or_else(|| {
        Failure::new(request, Code::Unauthenticated, "the visitor's token is not valid any more: open a session")
    })?;
    let origins = switchboard.allowed_origins(&visitor.channel_id).await;
    if !may_use(request, &origins.map_err(|unvisited| refuse(request, unvisited))?) {
        return Err(Failure::new(request, Code::Forbidden, "the widget may not be used from this page"));
    }
    let LeadFormToFill { contact_name, contact_email, contact_phone, message, .. } = asked;
    let form = FilledForm { name: contact_name, email: contact_email, phone: contact_phone, message, key };
    let filled = switchboard.fill_lead_form(&visitor, form, peer::ip(request, &doors.options.trusted_proxies)).await;
    filled.map_err(|unfilled| match unfilled {
        Unfilled::NoForm => Failure::not_found(request, "form"),
        Unfilled::Fields(problems) => Failure::fields(request, &problems),
        Unfilled::TooOften(wait) => too_often(request, wait.0),
        Unfilled::KeyMismatch => Failure::key_mismatch(request),
        Unfilled::Gone => Failure::new(request, Code::Conflict, "what the key captured was deleted since"),
        Unfilled::Unvisited(unvisited) => refuse(request, unvisited),
    })
}

/// Answers a browser that asks whether it may ask.
#[utoipa::path(options, path = "/api/widget/leads", tag = "widget", security(()),
    responses((status = 204, description = "It may ask.")))]
pub async fn preflight(request: HttpRequest) -> HttpResponse {
    answer_preflight(&request)
}
