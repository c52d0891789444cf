//! What is done with a channel: `/api/channels/{id}/…`. Pausing, resuming, testing, and new secrets for old ones.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use switchboard_channels::contract::vendor::Finding;

use super::super::templates::{self, TemplateList};
use super::changes::refuse;
use super::{ChannelView, callback_path, find};
use crate::api::authentication::{Caller, Manage};
use crate::api::failure::{Failure, no_such_method};
use crate::api::{Doors, auditing, reading};
use crate::domain::audit::Action;
use crate::domain::errors::FieldProblem;
use crate::usecases::channels::Rotation;

/// How long a replaced secret is accepted unless the caller says otherwise, in seconds: a day.
const KEEP_OLD_FOR: i64 = 24 * 60 * 60;
/// The longest that it may be, in seconds: thirty days.
const LONGEST_KEEP: i64 = 30 * KEEP_OLD_FOR;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    let resource = |deed: &str| web::resource(format!("/api/channels/{{id}}/{deed}"));
    services
        .service(resource("pause").route(web::post().to(pause)).default_service(web::route().to(no_such_method)))
        .service(resource("resume").route(web::post().to(resume)).default_service(web::route().to(no_such_method)))
        .service(
            resource("templates/sync")
                .route(web::post().to(sync_templates))
                .default_service(web::route().to(no_such_method)),
        )
        .service(resource("test").route(web::post().to(test)).default_service(web::route().to(no_such_method)))
        .service(resource("rotate").route(web::post().to(rotate)).default_service(web::route().to(no_such_method)));
}

/// New secrets.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSecrets {
    /// The settings that are replaced.
    #[schema(value_type = Object, example = json!({ "app_secret": "9a31b7…" }))]
    settings: Map<String, Value>,
    /// How long, in seconds, what they replace is still accepted where deliveries prove themselves by it; else a day.
    #[schema(minimum = 0, maximum = 2_592_000, example = 86_400)]
    keep_old_for: Option<i64>,
}

/// What a test found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ChannelTest {
    /// All is well.
    #[schema(example = false)]
    pub ok: bool,
    /// What was looked at, one by one.
    pub findings: Vec<FindingView>,
}

/// One thing that was looked at.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Finding)]
pub struct FindingView {
    /// It is well.
    #[schema(example = false)]
    pub ok: bool,
    /// What was found, in words.
    #[schema(example = "The access token lacks a permission (scope). (its code 10)")]
    pub what: String,
    /// What to do; absent where it is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Make a token that has it: in Business settings open Users, System users, …")]
    pub remedy: Option<String>,
}

impl From<Finding> for FindingView {
    fn from(found: Finding) -> Self {
        Self { ok: found.ok, what: found.what, remedy: found.remedy }
    }
}

/// Makes a channel's sends wait. It still receives.
///
/// # Errors
/// 404 for an unknown channel.
#[utoipa::path(post, path = "/api/channels/{id}/pause", tag = "channels", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The channel.")),
    responses((status = 200, description = "The channel as it is now.", body = ChannelView),
              (status = 404, description = "There is no such channel.", body = crate::api::failure::FailureBody)))]
pub async fn pause(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = reading::id(&request, &path, "channel")?;
    let paused = doors.switchboard.pause_channel(caller.workspace_id(), &id, &caller.name).await;
    let channel = paused.map_err(|unchanged| refuse(&request, unchanged))?;
    Ok(HttpResponse::Ok().json(ChannelView::new(&request, &doors, channel)))
}

/// Lets a channel send again that was paused, or stopped because its vendor refused it: what waited leaves within
/// seconds, in order.
///
/// # Errors
/// 404 for an unknown channel.
#[utoipa::path(post, path = "/api/channels/{id}/resume", tag = "channels", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The channel.")),
    responses((status = 200, description = "The channel as it is now.", body = ChannelView),
              (status = 404, description = "There is no such channel.", body = crate::api::failure::FailureBody)))]
pub async fn resume(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = reading::id(&request, &path, "channel")?;
    let resumed = doors.switchboard.resume_channel(caller.workspace_id(), &id).await;
    let channel = resumed.map_err(|unchanged| refuse(&request, unchanged))?;
    Ok(HttpResponse::Ok().json(ChannelView::new(&request, &doors, channel)))
}

/// Tests a channel and says in words what is wrong and what to do: whether its token reaches the account and has the
/// permissions it needs, whether the callback address is reached and takes the verify token, and when a delivery came.
/// It sends no message and changes nothing.
///
/// # Errors
/// 404 for an unknown channel.
#[utoipa::path(post, path = "/api/channels/{id}/test", tag = "channels", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The channel.")),
    responses((status = 200, description = "What was found; `ok` says whether all is well.", body = ChannelTest),
              (status = 404, description = "There is no such channel.", body = crate::api::failure::FailureBody)))]
pub async fn test(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let channel = find(&request, &caller, &doors, &path).await?;
    let base = doors.options.public_url.as_ref().or(doors.switchboard.options.callback_url.as_ref());
    let callback = base.zip(callback_path(&channel));
    let callback = callback.map(|(base, path)| format!("{base}{path}"));
    let tested =
        doors.switchboard.test_channel(caller.workspace_id(), &channel.id, callback.as_deref(), &doors.client).await;
    let findings = tested.map_err(|unchanged| refuse(&request, unchanged))?;
    let ok = findings.iter().all(|found| found.ok);
    Ok(HttpResponse::Ok().json(ChannelTest { ok, findings: findings.into_iter().map(FindingView::from).collect() }))
}

/// A channel's templates, read from its vendor.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TemplateSync {
    /// The list.
    #[serde(flatten)]
    pub list: TemplateList,
    /// How many templates it has.
    #[schema(example = 4)]
    pub total: i64,
}

/// Reads the list of a channel's message templates from its vendor now, without waiting until it is old.
///
/// # Errors
/// 404 for an unknown channel, 502 when the vendor gives no list.
#[utoipa::path(post, path = "/api/channels/{id}/templates/sync", tag = "templates", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The channel.")),
    responses((status = 200, description = "The list is read.", body = TemplateSync),
              (status = 404, description = "There is no such channel.", body = crate::api::failure::FailureBody),
              (status = 409, description = "Channels of its kind have no templates.", body = crate::api::failure::FailureBody),
              (status = 502, description = "There is no list, and why.", body = crate::api::failure::FailureBody)))]
pub async fn sync_templates(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = find(&request, &caller, &doors, &path).await?.id;
    let synced = doors.switchboard.sync_templates(caller.workspace_id(), &id, &doors.client).await;
    let (state, total) = synced.map_err(|refusal| templates::refuse(&request, refusal))?;
    Ok(HttpResponse::Ok().json(TemplateSync { list: state.into(), total }))
}

/// Replaces secrets without losing a message: those that sign deliveries are accepted beside the new ones for a while
/// (see `retiring`), and then no longer. All others are replaced at once. Rotate here first, then at the vendor.
///
/// # Errors
/// 400 for fields that cannot work, each by its name; 404 for an unknown channel.
#[utoipa::path(post, path = "/api/channels/{id}/rotate", tag = "channels", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The channel.")),
    request_body = NewSecrets,
    responses((status = 200, description = "The channel as it is now.", body = ChannelView),
              (status = 400, description = "Fields cannot work; each is named, such as `settings.app_secret`.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such channel.", body = crate::api::failure::FailureBody),
              (status = 409, description = "Another channel has the account.", body = crate::api::failure::FailureBody)))]
pub async fn rotate(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let id = find(&request, &caller, &doors, &path).await?.id;
    let asked: NewSecrets = reading::json(&request, &doors, payload).await?;
    let keep = asked.keep_old_for.unwrap_or(KEEP_OLD_FOR);
    let mut problems = Vec::new();
    if asked.settings.is_empty() {
        problems.push(FieldProblem::new("settings", "at least one setting to replace"));
    }
    if !(0..=LONGEST_KEEP).contains(&keep) {
        problems.push(FieldProblem::new("keep_old_for", format!("seconds: 0 to {LONGEST_KEEP}")));
    }
    if !problems.is_empty() {
        return Err(Failure::fields(&request, &problems));
    }
    super::changes::judge_places(&request, &doors, &asked.settings).await?;
    let detail = json!({ "settings": asked.settings.keys().collect::<Vec<_>>() });
    let wanted = Rotation { settings: asked.settings, keep_old_for_ms: keep * 1_000 };
    let rotated = doors.switchboard.rotate_channel(caller.workspace_id(), &id, wanted).await;
    let channel = rotated.map_err(|unchanged| refuse(&request, unchanged))?;
    auditing::note(&request, &doors, &caller, Action::ChannelRotated, &id, detail).await;
    Ok(HttpResponse::Ok().json(ChannelView::new(&request, &doors, channel)))
}
