//! `/api/events`: the one event sequence of the workspace, to read on from the last number seen.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::api::Doors;
use crate::api::authentication::{Caller, Read};
use crate::api::failure::{Failure, no_such_method};
use crate::api::reading::Query;
use crate::store::events::StoredEvent;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services.service(
        web::resource("/api/events").route(web::get().to(read)).default_service(web::route().to(no_such_method)),
    );
}

/// Events in the order in which they were committed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Events {
    /// The events.
    pub events: Vec<Event>,
    /// Number of the last one here: ask with it as `since` for what comes after.
    #[schema(example = 1043)]
    pub last_seq: i64,
}

/// Something that happened.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Event {
    /// Its number in the workspace.
    #[schema(example = 1043)]
    pub seq: i64,
    /// What happened.
    #[schema(example = "message.received")]
    pub event: String,
    /// In which conversation.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000004")]
    pub conversation_id: Option<String>,
    /// Unix milliseconds.
    #[schema(example = 1_767_225_600_000_i64)]
    pub at: i64,
    /// A snapshot of what it is about.
    #[schema(value_type = Object)]
    pub data: Option<Box<RawValue>>,
}

impl From<StoredEvent> for Event {
    fn from(stored: StoredEvent) -> Self {
        Self {
            seq: stored.seq,
            event: stored.kind,
            conversation_id: stored.conversation_id,
            at: stored.at,
            data: RawValue::from_string(stored.data).ok(),
        }
    }
}

/// What to read.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what the handler reads")]
pub struct Since {
    /// The last number seen; 0 reads from the beginning.
    #[param(minimum = 0, default = 0)]
    since: Option<i64>,
    /// Most events to give.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<i64>,
}

/// Reads the events after a number.
///
/// # Errors
/// 400 for a query that is not as documented.
#[utoipa::path(get, path = "/api/events", tag = "events", extensions(("x-permission" = json!("read"))), params(Since),
    responses((status = 200, description = "The events after `since`, in order.", body = Events),
              (status = 400, description = "The query is not as documented.", body = crate::api::failure::FailureBody)))]
pub async fn read(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Failure> {
    let mut query = Query::of(&request);
    let since = query.number("since", 0..=i64::MAX).unwrap_or(0);
    let limit = query.number("limit", 1..=500).unwrap_or(100);
    query.check(&request)?;
    let found = doors.switchboard.store.events(caller.workspace_id(), since, limit).await;
    let found = found.map_err(|error| Failure::store(&request, &error))?;
    let last_seq = found.last().map_or(since, |event| event.seq);
    Ok(HttpResponse::Ok().json(Events { events: found.into_iter().map(Event::from).collect(), last_seq }))
}
