//! `/api/events`: the one event sequence of the workspace, to read on from the last number seen.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::api::Doors;
use crate::api::authentication::{Caller, Read};
use crate::api::failure::{Failure, no_such_method};
use crate::api::reading::{self, Query};
use crate::domain::events::{self, WORDS};
use crate::store::events::{EventBounds, EventFilter, StoredEvent};

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
    /// Everything that is wanted up to this number is here: ask with it as `since` for what comes after.
    #[schema(example = 1043)]
    pub last_seq: i64,
    /// The newest number in the workspace.
    #[schema(example = 1043)]
    pub newest_seq: i64,
    /// Events after `since` are not kept any more, or `since` was never reached: read what you show anew, and go on from
    /// `last_seq`.
    #[schema(example = false)]
    pub resync: bool,
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
    /// Only events of these words, with commas between them.
    #[param(style = Form, explode = false, min_items = 1, value_type = Option<Vec<String>>, example = json!(["message.received", "message.sent"]))]
    events: Option<String>,
    /// Only events of this conversation.
    #[param(format = "uuid", example = "0198c1d2-7e00-7000-8000-000000000004")]
    conversation_id: Option<String>,
}

/// Reads the events after a number: all of them, or those that are wanted.
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
    let known = |list: &str| list.split(',').map(|word| events::word(word).map(str::to_owned)).collect();
    let kinds: Option<Vec<String>> = query.word("events", &format!("some of: {}", WORDS.join(", ")), known);
    let id = |text: &str| reading::id(&request, text, "conversation").ok();
    let conversation_id = query.word("conversation_id", "a conversation's id", id);
    query.check(&request)?;
    let filter = EventFilter { kinds: kinds.unwrap_or_default(), conversation_id };
    let (store, workspace_id) = (&doors.switchboard.store, caller.workspace_id());
    // The bounds come first: what is committed meanwhile is read the next time, and nothing is passed over.
    let bounds = store.event_bounds(workspace_id).await.map_err(|error| Failure::store(&request, &error))?;
    let bounds = bounds.unwrap_or(EventBounds { oldest: 1, newest: 0 });
    let resync = !bounds.covers(since);
    let since = if resync { since.clamp(bounds.oldest - 1, bounds.newest) } else { since };
    let found = store.wanted_events(workspace_id, since, limit, &filter).await;
    let found = found.map_err(|error| Failure::store(&request, &error))?;
    let last = found.last().map_or(since, |event| event.seq);
    let is_whole = i64::try_from(found.len()).is_ok_and(|count| count < limit);
    let last_seq = if is_whole { last.max(bounds.newest) } else { last };
    let events = found.into_iter().map(Event::from).collect();
    Ok(HttpResponse::Ok().json(Events { events, last_seq, newest_seq: bounds.newest.max(last), resync }))
}
