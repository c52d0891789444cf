//! `/api/usage`: what the workspace uses, by day, agent, channel and model, and what its plan allows.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use crate::api::Doors;
use crate::api::authentication::{Caller, Read};
use crate::api::failure::{Failure, no_such_method};
use crate::api::reading::Query;
use crate::domain::errors::FieldProblem;
use crate::domain::traces::Cost;
use crate::domain::usage::{self, Month, UsageBy};
use crate::usecases::usage::{Allowance, UsedThere};

/// Most days of one answer: a leap year.
const MOST_DAYS: i64 = 366;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .service(
            web::resource("/api/usage").route(web::get().to(read)).default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/usage/plan")
                .route(web::get().to(plan))
                .default_service(web::route().to(no_such_method)),
        );
}

/// What was used over some days.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct UsageReport {
    /// The first day, in UTC.
    #[schema(example = "2026-11-01")]
    pub from: String,
    /// The last day, in UTC.
    #[schema(example = "2026-11-22")]
    pub to: String,
    /// What the items are.
    pub by: UsageBy,
    /// What was used by each; who used nothing is not here. Days are in order, the others by name.
    pub items: Vec<UsageItem>,
    /// How many there are.
    #[schema(example = 1)]
    pub total: usize,
    /// What was used by all together.
    pub sum: Used,
}

/// What was used by one.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct UsageItem {
    /// The day, the agent's or channel's id, or the model; null: what belongs to none, as messages belong to no model.
    #[schema(example = "2026-11-22")]
    pub key: Option<String>,
    /// What was used.
    #[serde(flatten)]
    pub used: Used,
}

/// What was used.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Used {
    /// Messages that came in.
    #[schema(example = 120)]
    pub messages_received: i64,
    /// Messages of agents, people and programs.
    #[schema(example = 131)]
    pub messages_sent: i64,
    /// Turns of agents with a real model.
    #[schema(example = 98)]
    pub turns: i64,
    /// Tokens read.
    #[schema(example = 121_000)]
    pub input_tokens: i64,
    /// Tokens written.
    #[schema(example = 8_700)]
    pub output_tokens: i64,
    /// Those of both that were spent on the installation's own account, which the plan limits.
    #[schema(example = 129_700)]
    pub hosted_tokens: i64,
    /// What the tokens cost, by currency, where the price table knows their models.
    pub costs: Vec<Cost>,
}

impl From<usage::Usage> for Used {
    fn from(usage: usage::Usage) -> Self {
        Self {
            messages_received: usage.messages_in,
            messages_sent: usage.messages_out,
            turns: usage.turns,
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            hosted_tokens: usage.hosted_tokens,
            costs: usage.costs.into_iter().map(|(currency, micros)| Cost::of_micros(micros, currency)).collect(),
        }
    }
}

/// What the workspace may use, and what it has used this month.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PlanReport {
    /// The plan's name.
    #[schema(example = "pro")]
    pub plan: String,
    /// Its limits; null: none.
    pub limits: PlanLimits,
    /// What counts against the monthly limits.
    pub used: PlanUse,
    /// The month, in UTC.
    #[schema(example = "2026-11")]
    pub month: String,
    /// When it is counted anew: Unix milliseconds.
    #[schema(example = 1_796_083_200_000_i64)]
    pub resets_at: i64,
}

/// A plan's limits.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PlanLimits {
    /// Requests of the workspace in a minute.
    #[schema(example = 60)]
    pub requests_per_minute: Option<u32>,
    /// Requests of the workspace at once.
    #[schema(example = 10)]
    pub concurrency: Option<u32>,
    /// Messages in a month, both directions.
    #[schema(example = 20_000)]
    pub messages_per_month: Option<u64>,
    /// Tokens of hosted models in a month.
    #[schema(example = 5_000_000)]
    pub tokens_per_month: Option<u64>,
    /// Whether models run on the workspace's own provider key only.
    #[schema(example = false)]
    pub own_key_only: bool,
}

/// What counts against a plan's monthly limits.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PlanUse {
    /// Messages, both directions.
    #[schema(example = 251)]
    pub messages: i64,
    /// Tokens of hosted models.
    #[schema(example = 129_700)]
    pub tokens: i64,
}

impl From<Allowance> for PlanReport {
    fn from(allowance: Allowance) -> Self {
        let Allowance { plan, used, month } = allowance;
        let first = usage::day_name(month.first);
        Self {
            limits: PlanLimits {
                requests_per_minute: plan.requests_per_minute,
                concurrency: plan.concurrency,
                messages_per_month: plan.messages_per_month,
                tokens_per_month: plan.tokens_per_month,
                own_key_only: plan.own_key_only,
            },
            plan: plan.name,
            used: PlanUse { messages: used.messages, tokens: used.tokens },
            month: first.rsplit_once('-').map(|(month, _)| month.to_owned()).unwrap_or_default(),
            resets_at: month.ends_at(),
        }
    }
}

/// Which usage to read.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what the handler reads")]
pub struct Days {
    /// The first day, in UTC; else the first of the last one's month.
    #[param(format = Date, example = "2026-11-01")]
    from: Option<String>,
    /// The last day, in UTC, at most 365 days after the first; else today.
    #[param(format = Date, example = "2026-11-22")]
    to: Option<String>,
    /// By what it is told apart; else by day.
    #[param(inline)]
    by: Option<UsageBy>,
}

/// Reads what the workspace used: messages by their day, agent and channel; turns and tokens also by model. A message counts
/// once it is stored, whatever becomes of it.
///
/// # Errors
/// 400 for a query that is not as documented.
#[utoipa::path(get, path = "/api/usage", tag = "usage", extensions(("x-permission" = json!("read"))), params(Days),
    responses((status = 200, description = "What was used.", body = UsageReport),
              (status = 400, description = "The query is not as documented.", body = crate::api::failure::FailureBody)))]
pub async fn read(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Failure> {
    const DAY: &str = "a day such as 2026-11-22";
    let mut query = Query::of(&request);
    let from = query.word("from", DAY, usage::day_named);
    let to = query.word("to", DAY, usage::day_named).unwrap_or(usage::day_of(doors.switchboard.now()));
    let by = query.word("by", "day, agent, channel or model", UsageBy::from_word).unwrap_or(UsageBy::Day);
    query.check(&request)?;
    let from = from.unwrap_or(Month::of_day(to).first);
    if !(from..from.saturating_add(MOST_DAYS)).contains(&to) {
        let problem =
            FieldProblem::new("to", format!("a day not before `from`, at most {} days after it", MOST_DAYS - 1));
        return Err(Failure::fields(&request, &[problem]));
    }
    let used = doors.switchboard.usage(caller.workspace_id(), from, to, by).await;
    let used = used.map_err(|error| Failure::store(&request, &error))?;
    let mut sum = usage::Usage::default();
    used.iter().for_each(|one| sum.add(&one.usage));
    let items: Vec<UsageItem> = used.into_iter().map(|one| item(by, one)).collect();
    Ok(HttpResponse::Ok().json(UsageReport {
        from: usage::day_name(from),
        to: usage::day_name(to),
        by,
        total: items.len(),
        items,
        sum: sum.into(),
    }))
}

fn item(by: UsageBy, there: UsedThere) -> UsageItem {
    let day = |number: &str| number.parse().map(usage::day_name).ok();
    let key = match by {
        UsageBy::Day => there.place.as_deref().and_then(day),
        UsageBy::Agent | UsageBy::Channel | UsageBy::Model => there.place,
    };
    UsageItem { key, used: there.usage.into() }
}

/// Reads the workspace's plan, and what of its monthly limits is used.
#[utoipa::path(get, path = "/api/usage/plan", tag = "usage", extensions(("x-permission" = json!("read"))),
    responses((status = 200, description = "The plan, and what is used of it.", body = PlanReport)))]
pub async fn plan(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Failure> {
    let allowance = doors.switchboard.allowance(caller.workspace_id(), &caller.plan).await;
    let allowance = allowance.map_err(|error| Failure::store(&request, &error))?;
    Ok(HttpResponse::Ok().json(PlanReport::from(allowance)))
}
