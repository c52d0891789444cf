//! `/api/contacts/{id}/timeline`: everything that was said with a person, on all channels, in one order.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use switchboard_channels::Kind;

use super::find;
use crate::api::Doors;
use crate::api::authentication::{Caller, Read};
use crate::api::failure::{Failure, no_such_method};
use crate::api::reading::{self, Query};
use crate::domain::messages::Message;
use crate::store::messages::Span;
use crate::usecases::contacts::Moment;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services.service(
        web::resource("/api/contacts/{id}/timeline")
            .route(web::get().to(read))
            .default_service(web::route().to(no_such_method)),
    );
}

/// A piece of a person's timeline.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Timeline {
    /// The messages, the oldest first.
    pub items: Vec<TimelineEntry>,
    /// The value of `before` that gives the piece before this one; null: there is none.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000005")]
    pub before: Option<String>,
}

/// A message with the place it stands in.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TimelineEntry {
    /// Its conversation.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000004")]
    pub conversation_id: String,
    /// The conversation's channel.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000003")]
    pub channel_id: String,
    /// The channel's kind.
    pub channel_kind: Kind,
    /// The message.
    pub message: Message,
}

impl From<Moment> for TimelineEntry {
    fn from(moment: Moment) -> Self {
        let Moment { conversation_id, channel_id, channel_kind, message } = moment;
        Self { conversation_id, channel_id, channel_kind, message }
    }
}

/// Which piece to read.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what the handler reads")]
pub struct Piece {
    /// Those before this message; else the newest.
    #[param(format = "uuid", example = "0198c1d2-7e00-7000-8000-000000000005")]
    before: Option<String>,
    /// Most messages to give.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
}

/// Reads the messages of all of a person's conversations in one order by time: the newest, or those before one of them.
///
/// # Errors
/// 400 for a query that is not as documented, 404 for an unknown contact.
#[utoipa::path(get, path = "/api/contacts/{id}/timeline", tag = "contacts", extensions(("x-permission" = json!("read"))),
    params(("id" = String, Path, description = "The contact."), Piece),
    responses((status = 200, description = "The messages.", body = Timeline),
              (status = 400, description = "The query is not as documented.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such contact.", body = crate::api::failure::FailureBody)))]
pub async fn read(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let person = find(&request, &caller, &doors, &path).await?;
    let mut query = Query::of(&request);
    let before = query.word("before", "the id of a message", |text| reading::id(&request, text, "message").ok());
    let limit = query.number("limit", 1..=200).unwrap_or(50);
    query.check(&request)?;
    let span = Span { before: before.as_deref(), ..Span::default() };
    // One more than asked for shows whether there is a piece before this one.
    let found = doors.switchboard.timeline(caller.workspace_id(), &person, span, limit + 1).await;
    let mut moments = found.map_err(|error| Failure::store(&request, &error))?;
    let more = i64::try_from(moments.len()).unwrap_or(i64::MAX) > limit;
    if more {
        moments.remove(0);
    }
    let before = moments.first().filter(|_| more).map(|moment| moment.message.id.clone());
    let items = moments.into_iter().map(TimelineEntry::from).collect();
    Ok(HttpResponse::Ok().json(Timeline { items, before }))
}
