//! `/api/analytics`: what the workspace's conversations came to, day by day and by channel or agent.

use actix_web::{HttpRequest, HttpResponse, web};
use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::Serialize;

use crate::api::Doors;
use crate::api::authentication::{Caller, Read};
use crate::api::failure::{Failure, no_such_method};
use crate::api::reading::Query;
use crate::domain::analytics::{self, Figures, Grouping, MOST_DAYS};
use crate::domain::errors::FieldProblem;
use crate::store::analytics::AnalyticsFilter;

/// Days before the last one where nobody says from when on.
const USUAL_DAYS: i32 = 29;

/// Adds the address.
pub fn configure(services: &mut web::ServiceConfig) {
    services.service(
        web::resource("/api/analytics").route(web::get().to(read)).default_service(web::route().to(no_such_method)),
    );
}

/// What conversations came to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AnalyticsReport {
    /// The first day.
    #[schema(example = "2026-11-01")]
    pub from: String,
    /// The last day.
    #[schema(example = "2026-11-22")]
    pub to: String,
    /// The workspace's time zone, whose days these are.
    #[schema(example = "Europe/Berlin")]
    pub time_zone: String,
    /// All days together.
    pub totals: Figures,
    /// Every day of the period, in order.
    pub series: Vec<DayFigures>,
    /// What the groups are; null: nobody asked for any.
    pub by: Option<Grouping>,
    /// All days together of each channel or agent, by its id; empty where nobody asked for it. Who has nothing is not here.
    pub groups: Vec<GroupFigures>,
}

/// What conversations came to on a day.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DayFigures {
    /// The day.
    #[schema(example = "2026-11-22")]
    pub day: String,
    /// What it came to.
    #[serde(flatten)]
    pub figures: Figures,
}

/// What conversations of a channel or agent came to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct GroupFigures {
    /// The channel's or agent's id; null: what has none.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000003")]
    pub key: Option<String>,
    /// What it came to.
    #[serde(flatten)]
    pub figures: Figures,
}

/// What to look at.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what the handler reads")]
pub struct Period {
    /// The first day, in the workspace's time zone; else 29 days before the last.
    #[param(format = Date, example = "2026-11-01")]
    from: Option<String>,
    /// The last day, at most 91 days after the first; else today.
    #[param(format = Date, example = "2026-11-22")]
    to: Option<String>,
    /// What is told apart beside the days.
    #[param(inline)]
    by: Option<Grouping>,
    /// What came through this channel only.
    channel_id: Option<String>,
    /// What is of this agent only.
    agent_id: Option<String>,
}

/// A day in its usual form.
fn day(text: &str) -> Option<Date> {
    // The reader takes more than one form; ours is the usual one.
    text.parse::<Date>().ok().filter(|date| date.to_string() == text)
}

/// Reads what the workspace's conversations came to: how many were opened and closed, who answered, what was sent and
/// arrived, how long the first answer and the whole took, and how many leads were captured. It is added up from what is
/// kept, so what retention or an erasure removed is not in it. An exchange is what is said with a person until 24 hours of
/// quiet.
///
/// # Errors
/// 400 for a query that is not as documented.
#[utoipa::path(get, path = "/api/analytics", tag = "analytics", extensions(("x-permission" = json!("read"))), params(Period),
    responses((status = 200, description = "What conversations came to.", body = AnalyticsReport),
              (status = 400, description = "The query is not as documented.", body = crate::api::failure::FailureBody)))]
pub async fn read(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Failure> {
    const DAY: &str = "a day such as 2026-11-22";
    let mut query = Query::of(&request);
    let (from, to) = (query.word("from", DAY, day), query.word("to", DAY, day));
    let by = query.word("by", "channel or agent", Grouping::from_word);
    let filter = AnalyticsFilter { channel_id: query.text("channel_id"), agent_id: query.text("agent_id") };
    query.check(&request)?;
    let here = doors.switchboard.standpoint(caller.workspace_id()).await;
    let here = here.map_err(|error| Failure::store(&request, &error))?;
    let to = to.unwrap_or_else(|| here.local(here.now).date());
    let from = from.unwrap_or_else(|| to.saturating_sub(USUAL_DAYS.days()));
    let days = analytics::days(&here, from, to).ok_or_else(|| {
        let expected = format!("a day not before `from`, at most {} days after it", MOST_DAYS - 1);
        Failure::fields(&request, &[FieldProblem::new("to", expected)])
    })?;
    let summed = doors.switchboard.analytics(caller.workspace_id(), &days, by, &filter).await;
    let summed = summed.map_err(|error| Failure::store(&request, &error))?;
    let series = days.iter().zip(summed.series);
    Ok(HttpResponse::Ok().json(AnalyticsReport {
        from: from.to_string(),
        to: to.to_string(),
        time_zone: here.zone.iana_name().unwrap_or("UTC").to_owned(),
        totals: summed.totals,
        series: series.map(|(day, figures)| DayFigures { day: day.date.to_string(), figures }).collect(),
        by,
        groups: summed.groups.into_iter().map(|(key, figures)| GroupFigures { key, figures }).collect(),
    }))
}
