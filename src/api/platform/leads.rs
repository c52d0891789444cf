//! `/api/leads`: people who asked to be contacted.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Deserializer, Serialize};

use crate::api::Doors;
use crate::api::authentication::{Caller, Read, Write};
use crate::api::failure::{Failure, no_such_method};
use crate::api::reading::{self, Page, Query};
use crate::domain::errors::Code;
use crate::domain::fields;
use crate::domain::leads::{Lead, LeadChange, LeadDetails, LeadStatus};
use crate::domain::principals::Principal;
use crate::store::leads::LeadFilter;
use crate::usecases::leads::{NewLead, Uncaptured, judge_details};

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .service(
            web::resource("/api/leads")
                .route(web::get().to(list))
                .route(web::post().to(create))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/leads/{id}")
                .route(web::get().to(one))
                .route(web::patch().to(change))
                .route(web::delete().to(delete))
                .default_service(web::route().to(no_such_method)),
        );
}

/// A page of leads.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Leads {
    /// The leads, the newest first.
    pub items: Vec<Lead>,
    /// How many there are in all.
    #[schema(example = 1)]
    pub total: i64,
}

/// Which leads to list.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what the handler reads")]
pub struct Filter {
    /// Only those that have come so far.
    status: Option<LeadStatus>,
    /// Only those of this agent.
    #[param(format = "uuid")]
    agent_id: Option<String>,
    /// Only those of this contact.
    #[param(format = "uuid")]
    contact_id: Option<String>,
}

/// A lead to capture: a name, an email address or a phone number at least.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeadToCapture {
    /// The agent that they talked to; that of the conversation, where nothing is said.
    #[schema(format = "uuid", example = "0198c1d2-7e00-7000-8000-000000000002")]
    agent_id: Option<String>,
    /// The conversation in which they asked: the lead is its contact's.
    #[schema(format = "uuid")]
    conversation_id: Option<String>,
    /// The session in which they asked, at most 200 characters.
    #[schema(format = "label", max_length = 200, example = "abc-123")]
    session_id: Option<String>,
    /// Name, at most 320 characters.
    #[schema(format = "label", max_length = 320, example = "Jane Doe")]
    contact_name: Option<String>,
    /// Email address, at most 320 characters.
    #[schema(format = "label", max_length = 320, example = "jane@example.com")]
    contact_email: Option<String>,
    /// Phone number, at most 320 characters.
    #[schema(format = "label", max_length = 320, example = "+44 7700 900000")]
    contact_phone: Option<String>,
    /// Through what they came, at most 64 characters; `api` where nothing is said.
    #[schema(format = "label", max_length = 64, example = "fair")]
    source: Option<String>,
    /// What else was said, at most 4,000 characters.
    #[schema(format = "plain", max_length = 4_000, example = "Interested in the premium plan")]
    notes: Option<String>,
}

/// What of a lead shall be otherwise; what is absent stays.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LeadPatch {
    /// How far it has come.
    status: Option<LeadStatus>,
    /// Name, or null.
    #[serde(deserialize_with = "given")]
    #[schema(format = "label", max_length = 320, value_type = Option<String>, example = "Jane Smith")]
    contact_name: Option<Option<String>>,
    /// Email address, or null.
    #[serde(deserialize_with = "given")]
    #[schema(format = "label", max_length = 320, value_type = Option<String>, example = "jane@example.com")]
    contact_email: Option<Option<String>>,
    /// Phone number, or null.
    #[serde(deserialize_with = "given")]
    #[schema(format = "label", max_length = 320, value_type = Option<String>, example = "+44 7700 900000")]
    contact_phone: Option<Option<String>>,
    /// What else was said, or null.
    #[serde(deserialize_with = "given")]
    #[schema(format = "plain", max_length = 4_000, value_type = Option<String>, example = "Called back on Monday")]
    notes: Option<Option<String>>,
}

/// A member that is there, be it null.
fn given<'de, D: Deserializer<'de>>(member: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(member).map(Some)
}

/// Lists the leads of the workspace.
///
/// # Errors
/// 400 for a query that is not as documented.
#[utoipa::path(get, path = "/api/leads", tag = "leads", extensions(("x-permission" = json!("read"))), params(Filter, Page),
    responses((status = 200, description = "The leads.", body = Leads),
              (status = 400, description = "The query is not as documented.", body = crate::api::failure::FailureBody)))]
pub async fn list(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Failure> {
    let mut query = Query::of(&request);
    let status = query.word("status", "new, contacted, qualified, won or lost", LeadStatus::from_word);
    let filter = LeadFilter {
        status,
        agent_id: query.word("agent_id", "the id of an agent", fields::id),
        contact_id: query.word("contact_id", "the id of a contact", fields::id),
    };
    let (limit, offset) = query.page();
    query.check(&request)?;
    let found = doors.switchboard.store.leads(caller.workspace_id(), &filter, limit, offset).await;
    let (items, total) = found.map_err(|error| Failure::store(&request, &error))?;
    Ok(HttpResponse::Ok().json(Leads { items, total }))
}

/// Captures a lead. A repeated `Idempotency-Key` gives the first one again, with `Idempotent-Replayed: true`.
///
/// # Errors
/// 400 for fields that are not as documented, 409 when the key was used for something else.
#[utoipa::path(post, path = "/api/leads", tag = "leads", extensions(("x-permission" = json!("write"))),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters: the same key makes it once.")),
    request_body = LeadToCapture,
    responses((status = 201, description = "The lead.", body = Lead),
              (status = 400, description = "Fields are not as documented.", body = crate::api::failure::FailureBody),
              (status = 409, description = "The key was used for something else.", body = crate::api::failure::FailureBody)))]
pub async fn create(
    request: HttpRequest,
    caller: Caller<Write>,
    doors: web::Data<Doors>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let key = reading::idempotency_key(&request)?;
    let asked: LeadToCapture = reading::json(&request, &doors, payload).await?;
    let LeadToCapture { contact_name, contact_email, contact_phone, notes, .. } = asked;
    let wanted = NewLead {
        agent_id: asked.agent_id,
        conversation_id: asked.conversation_id,
        session_id: asked.session_id,
        details: LeadDetails { contact_name, contact_email, contact_phone, notes },
        source: asked.source.unwrap_or_default(),
        key,
    };
    let captured = doors.switchboard.capture_lead(caller.workspace_id(), wanted).await;
    let (lead, repeated) = captured.map_err(|uncaptured| refuse(&request, uncaptured))?;
    let mut response = HttpResponse::Created();
    if repeated {
        response.insert_header(("Idempotent-Replayed", "true"));
    }
    Ok(response.json(lead))
}

/// Reads one lead.
///
/// # Errors
/// 404 for an unknown lead.
#[utoipa::path(get, path = "/api/leads/{id}", tag = "leads", extensions(("x-permission" = json!("read"))), params(("id" = String, Path, description = "The lead.")),
    responses((status = 200, description = "The lead.", body = Lead),
              (status = 404, description = "There is no such lead.", body = crate::api::failure::FailureBody)))]
pub async fn one(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = reading::id(&request, &path, "lead")?;
    Ok(HttpResponse::Ok().json(find(&request, &caller, &doors, &id).await?))
}

/// Changes how far a lead has come, or what is known of it. A field that is left out stays as it is, a null empties it.
///
/// # Errors
/// 400 for fields that are not as documented, 404 for an unknown lead.
#[utoipa::path(patch, path = "/api/leads/{id}", tag = "leads", extensions(("x-permission" = json!("write"))),
    params(("id" = String, Path, description = "The lead.")), request_body = LeadPatch,
    responses((status = 200, description = "The lead as it is now.", body = Lead),
              (status = 400, description = "Fields are not as documented.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such lead.", body = crate::api::failure::FailureBody)))]
pub async fn change(
    request: HttpRequest,
    caller: Caller<Write>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let id = reading::id(&request, &path, "lead")?;
    find(&request, &caller, &doors, &id).await?;
    let asked: LeadPatch = reading::json(&request, &doors, payload).await?;
    let change = asked.judge().map_err(|problems| Failure::fields(&request, &problems))?;
    let changed = doors.switchboard.store.change_lead(caller.workspace_id(), &id, &change).await;
    let changed = changed.map_err(|error| Failure::store(&request, &error))?;
    Ok(HttpResponse::Ok().json(changed.ok_or_else(|| Failure::not_found(&request, "lead"))?))
}

/// Deletes a lead. The event that told of it stays.
///
/// # Errors
/// 404 for an unknown lead.
#[utoipa::path(delete, path = "/api/leads/{id}", tag = "leads", extensions(("x-permission" = json!("write"))),
    params(("id" = String, Path, description = "The lead.")),
    responses((status = 204, description = "It is deleted."),
              (status = 404, description = "There is no such lead.", body = crate::api::failure::FailureBody)))]
pub async fn delete(
    request: HttpRequest,
    caller: Caller<Write>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = reading::id(&request, &path, "lead")?;
    let removed = doors.switchboard.store.remove_lead(caller.workspace_id(), &id).await;
    if removed.map_err(|error| Failure::store(&request, &error))? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(Failure::not_found(&request, "lead"))
    }
}

impl LeadPatch {
    fn judge(self) -> Result<LeadChange, Vec<crate::domain::errors::FieldProblem>> {
        let mut problems = Vec::new();
        let Self { status, contact_name, contact_email, contact_phone, notes } = self;
        let named = [contact_name.is_some(), contact_email.is_some(), contact_phone.is_some(), notes.is_some()];
        let said = LeadDetails {
            contact_name: contact_name.flatten(),
            contact_email: contact_email.flatten(),
            contact_phone: contact_phone.flatten(),
            notes: notes.flatten(),
        };
        let said = judge_details(said, &mut problems);
        let [name, email, phone, notes] = named;
        let change = LeadChange {
            status,
            contact_name: name.then_some(said.contact_name),
            contact_email: email.then_some(said.contact_email),
            contact_phone: phone.then_some(said.contact_phone),
            notes: notes.then_some(said.notes),
        };
        if problems.is_empty() { Ok(change) } else { Err(problems) }
    }
}

/// What the use case refused, in the envelope.
pub(in crate::api) fn refuse(request: &HttpRequest, uncaptured: Uncaptured) -> Failure {
    match uncaptured {
        Uncaptured::Fields(problems) => Failure::fields(request, &problems),
        Uncaptured::KeyMismatch => {
            let sentence = "this Idempotency-Key was used before with a different request";
            Failure::new(request, Code::IdempotencyMismatch, sentence)
        }
        Uncaptured::Gone => Failure::new(request, Code::Conflict, "what this Idempotency-Key made was deleted since"),
        Uncaptured::Store(error) => Failure::store(request, &error),
    }
}

async fn find(request: &HttpRequest, caller: &Principal, doors: &Doors, id: &str) -> Result<Lead, Failure> {
    let found = doors.switchboard.store.lead(caller.workspace_id(), id).await;
    let found = found.map_err(|error| Failure::store(request, &error))?;
    found.ok_or_else(|| Failure::not_found(request, "lead"))
}
