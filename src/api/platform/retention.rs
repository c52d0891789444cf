//! `/api/retention`: after how many days what is forgotten.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;

use crate::api::authentication::{Caller, Manage, Own};
use crate::api::failure::{Failure, no_such_method};
use crate::api::{Doors, auditing, reading};
use crate::domain::audit::Action;
use crate::domain::errors::FieldProblem;
use crate::domain::retention::{Class, Days, MOST_DAYS, Retention};

/// Adds the address.
pub fn configure(services: &mut web::ServiceConfig) {
    services.service(
        web::resource("/api/retention")
            .route(web::get().to(read))
            .route(web::put().to(set))
            .default_service(web::route().to(no_such_method)),
    );
}

/// After how many days what of the workspace is forgotten, 1 to 36500; null: never.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Retention)]
pub struct RetentionView {
    /// Messages, with their edits, their files and their place in the search.
    #[schema(example = 365)]
    pub messages: Option<i64>,
    /// Files of messages; never later than their messages.
    #[schema(example = 90)]
    pub files: Option<i64>,
    /// What vendors delivered, as it came.
    #[schema(example = 30)]
    pub deliveries: Option<i64>,
    /// The event sequence; who reads it from an older number is told to begin anew.
    #[schema(example = 90)]
    pub events: Option<i64>,
    /// What agents' turns did, and what was said to vendors.
    #[schema(example = 90)]
    pub traces: Option<i64>,
    /// What webhook endpoints were told; 30 where nothing is set.
    #[schema(example = 30)]
    pub webhook_deliveries: Option<i64>,
    /// The audit log.
    #[schema(example = 1_825)]
    pub audit: Option<i64>,
    /// Channels with times of their own, by their ids.
    pub channels: BTreeMap<String, ChannelRetention>,
}

/// Where a channel has another time than its workspace; what is left out is as in the workspace, null is never.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelRetention {
    /// Messages.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 36_500, value_type = Option<i64>, example = 30)]
    messages: Option<Option<i64>>,
    /// Files.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 36_500, value_type = Option<i64>, example = 30)]
    files: Option<Option<i64>>,
    /// What the vendor delivered.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 36_500, value_type = Option<i64>, example = 7)]
    deliveries: Option<Option<i64>>,
}

/// After how many days what shall be forgotten, 1 to 36500; null: never. What is left out gets its default.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetentionToSet {
    /// Messages.
    #[serde(default, deserialize_with = "given")]
    #[schema(minimum = 1, maximum = 36_500, value_type = Option<i64>, example = 365)]
    messages: Option<Option<i64>>,
    /// Files.
    #[serde(default, deserialize_with = "given")]
    #[schema(minimum = 1, maximum = 36_500, value_type = Option<i64>, example = 90)]
    files: Option<Option<i64>>,
    /// What vendors delivered.
    #[serde(default, deserialize_with = "given")]
    #[schema(minimum = 1, maximum = 36_500, value_type = Option<i64>, example = 30)]
    deliveries: Option<Option<i64>>,
    /// The event sequence.
    #[serde(default, deserialize_with = "given")]
    #[schema(minimum = 1, maximum = 36_500, value_type = Option<i64>, example = 90)]
    events: Option<Option<i64>>,
    /// What agents' turns did, and what was said to vendors.
    #[serde(default, deserialize_with = "given")]
    #[schema(minimum = 1, maximum = 36_500, value_type = Option<i64>, example = 90)]
    traces: Option<Option<i64>>,
    /// What webhook endpoints were told.
    #[serde(default, deserialize_with = "given")]
    #[schema(minimum = 1, maximum = 36_500, value_type = Option<i64>, example = 30)]
    webhook_deliveries: Option<Option<i64>>,
    /// The audit log.
    #[serde(default, deserialize_with = "given")]
    #[schema(minimum = 1, maximum = 36_500, value_type = Option<i64>, example = 1_825)]
    audit: Option<Option<i64>>,
    /// Channels with times of their own, by their ids.
    #[serde(default)]
    channels: BTreeMap<String, ChannelRetention>,
}

/// Tells null from absent.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<i64>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// The times that are said, by class.
fn said(days: &[(Class, Option<Option<i64>>)], path: &str, problems: &mut Vec<FieldProblem>) -> Days {
    for (class, days) in days {
        if days.flatten().is_some_and(|days| !(1..=MOST_DAYS).contains(&days)) {
            let expected = format!("a whole number from 1 to {MOST_DAYS}, or null");
            problems.push(FieldProblem::new(format!("{path}{}", class.as_str()), expected));
        }
    }
    days.iter().filter_map(|(class, days)| Some((*class, (*days)?))).collect()
}

impl RetentionToSet {
    fn judge(self, known: &[String]) -> Result<Retention, Vec<FieldProblem>> {
        let mut problems = Vec::new();
        let of_workspace = [
            (Class::Messages, self.messages),
            (Class::Files, self.files),
            (Class::Deliveries, self.deliveries),
            (Class::Events, self.events),
            (Class::Traces, self.traces),
            (Class::WebhookDeliveries, self.webhook_deliveries),
            (Class::Audit, self.audit),
        ];
        let days = said(&of_workspace, "", &mut problems);
        let mut channels = BTreeMap::new();
        for (id, own) in self.channels {
            let path = format!("channels.{id}");
            if !known.contains(&id) {
                problems.push(FieldProblem::absent(path, "the id of a channel of this workspace"));
                continue;
            }
            let of_channel =
                [(Class::Messages, own.messages), (Class::Files, own.files), (Class::Deliveries, own.deliveries)];
            channels.insert(id, said(&of_channel, &format!("{path}."), &mut problems));
        }
        if problems.is_empty() { Ok(Retention { days, channels }) } else { Err(problems) }
    }
}

impl From<&Retention> for RetentionView {
    fn from(retention: &Retention) -> Self {
        let of = |class| retention.days(class, None);
        let own = |days: &Days| ChannelRetention {
            messages: days.get(&Class::Messages).copied(),
            files: days.get(&Class::Files).copied(),
            deliveries: days.get(&Class::Deliveries).copied(),
        };
        Self {
            messages: of(Class::Messages),
            files: of(Class::Files),
            deliveries: of(Class::Deliveries),
            events: of(Class::Events),
            traces: of(Class::Traces),
            webhook_deliveries: of(Class::WebhookDeliveries),
            audit: of(Class::Audit),
            channels: retention.channels.iter().map(|(id, days)| (id.clone(), own(days))).collect(),
        }
    }
}

/// Reads after how many days what is forgotten, defaults included.
///
/// # Errors
/// 503 while the database is away.
#[utoipa::path(get, path = "/api/retention", tag = "privacy", extensions(("x-permission" = json!("manage"))),
    responses((status = 200, description = "The times.", body = RetentionView)))]
pub async fn read(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Failure> {
    let retention = doors.switchboard.store.retention(caller.workspace_id()).await;
    let retention = retention.map_err(|error| Failure::store(&request, &error))?;
    Ok(HttpResponse::Ok().json(RetentionView::from(&retention)))
}

/// Sets after how many days what is forgotten; what is left out gets its default. A job forgets what is older, within
/// minutes and for good. What is still needed stays until it is not: what waits to be sent or answered, and the hashes
/// by which vendors' repetitions are known.
///
/// # Errors
/// 400 for fields that are not as documented.
#[utoipa::path(put, path = "/api/retention", tag = "privacy", extensions(("x-permission" = json!("own"))), request_body = RetentionToSet,
    responses((status = 200, description = "The times as they are now.", body = RetentionView),
              (status = 400, description = "Fields are not as documented.", body = crate::api::failure::FailureBody)))]
pub async fn set(
    request: HttpRequest,
    caller: Caller<Own>,
    doors: web::Data<Doors>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let asked: RetentionToSet = reading::json(&request, &doors, payload).await?;
    let store = &doors.switchboard.store;
    let channels = store.channels(caller.workspace_id()).await.map_err(|error| Failure::store(&request, &error))?;
    let known: Vec<String> = channels.into_iter().map(|channel| channel.id).collect();
    let retention = asked.judge(&known).map_err(|problems| Failure::fields(&request, &problems))?;
    let set = store.put_retention(caller.workspace_id(), &retention).await;
    set.map_err(|error| Failure::store(&request, &error))?;
    let detail = json!(RetentionView::from(&retention));
    auditing::note(&request, &doors, &caller, Action::RetentionChanged, caller.workspace_id(), detail).await;
    Ok(HttpResponse::Ok().json(RetentionView::from(&retention)))
}
