//! `/functions/v1/leads`: a program captures a lead.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use crate::api::Doors;
use crate::api::assistant::timestamp;
use crate::api::authentication::{Caller, Write};
use crate::api::failure::{Failure, no_such_method};
use crate::api::platform::leads::refuse;
use crate::api::reading;
use crate::domain::leads::{LeadDetails, LeadStatus};
use crate::usecases::leads::NewLead;

/// Adds the address.
pub fn configure(services: &mut web::ServiceConfig) {
    services.service(
        web::resource("/functions/v1/leads")
            .route(web::post().to(create))
            .default_service(web::route().to(no_such_method)),
    );
}

/// A lead to capture: a name, an email address or a phone number at least.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct FunctionsLead {
    /// The agent that they talked to.
    #[schema(format = "uuid", example = "0198c1d2-7e00-7000-8000-000000000002")]
    agent_id: Option<String>,
    /// Name, at most 320 characters.
    #[schema(format = "label", max_length = 320, example = "John Smith")]
    contact_name: Option<String>,
    /// Email address, at most 320 characters.
    #[schema(format = "label", max_length = 320, example = "john@example.com")]
    contact_email: Option<String>,
    /// Phone number, at most 320 characters.
    #[schema(format = "label", max_length = 320, example = "+44 7700 900000")]
    contact_phone: Option<String>,
    /// Through what they came, at most 64 characters; `api` where nothing is said.
    #[schema(format = "label", max_length = 64, example = "api")]
    source: Option<String>,
    /// The session in which they asked, at most 200 characters.
    #[schema(format = "label", max_length = 200, example = "abc-123")]
    session_id: Option<String>,
    /// What else was said, at most 4,000 characters.
    #[schema(format = "plain", max_length = 4_000, example = "Interested in premium plan")]
    notes: Option<String>,
}

/// A lead that was captured.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CapturedLead {
    /// UUID.
    #[schema(example = "0198c1d2-7e00-7000-8000-00000000001e")]
    pub id: String,
    /// `new`.
    pub status: LeadStatus,
    /// RFC 3339, UTC.
    #[schema(example = "2026-01-01T00:00:00.000Z")]
    pub created_at: String,
}

/// Captures a lead. A repeated `Idempotency-Key` gives the first one again, with `Idempotent-Replayed: true`.
///
/// # Errors
/// 400 for fields that are not as documented, 409 when the key was used for something else.
#[utoipa::path(post, path = "/functions/v1/leads", tag = "leads", extensions(("x-permission" = json!("write"))),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters: the same key makes it once.")),
    request_body = FunctionsLead,
    responses((status = 201, description = "The lead.", body = CapturedLead),
              (status = 400, description = "Fields are not as documented.", body = crate::api::failure::FailureBody),
              (status = 409, description = "The key was used for something else.", body = crate::api::failure::FailureBody)))]
pub async fn create(
    request: HttpRequest,
    caller: Caller<Write>,
    doors: web::Data<Doors>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let key = reading::idempotency_key(&request)?;
    let asked: FunctionsLead = reading::json(&request, &doors, payload).await?;
    let FunctionsLead { agent_id, contact_name, contact_email, contact_phone, source, session_id, notes } = asked;
    let wanted = NewLead {
        agent_id,
        conversation_id: None,
        session_id,
        details: LeadDetails { contact_name, contact_email, contact_phone, notes },
        source: source.unwrap_or_default(),
        key,
    };
    let captured = doors.switchboard.capture_lead(caller.workspace_id(), wanted).await;
    let (lead, repeated) = captured.map_err(|uncaptured| refuse(&request, uncaptured))?;
    let mut response = HttpResponse::Created();
    if repeated {
        response.insert_header(("Idempotent-Replayed", "true"));
    }
    let created_at = timestamp(lead.created_at);
    Ok(response.json(CapturedLead { id: lead.id, status: lead.status, created_at }))
}
