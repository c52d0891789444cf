//! `/api/workspaces`: the workspaces that the caller belongs to, and what their people set for all of one.

use actix_web::{HttpRequest, HttpResponse, web};
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;

use super::auth::{NAME, OwnWorkspace, keep_out, own_workspaces};
use crate::api::authentication::{Caller, Manage, Read, SignedIn, bearer, caller_in, known, signed_in};
use crate::api::failure::{Failure, no_such_method};
use crate::api::{Doors, auditing, reading};
use crate::domain::audit::Action;
use crate::domain::calendars::Place;
use crate::domain::errors::{Code, FieldProblem};
use crate::domain::principals::Actor;
use crate::domain::workspaces::{self, CodeTemplate, Workspace, WorkspaceSettings};
use crate::usecases::tokens;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .service(
            web::resource("/api/workspaces")
                .route(web::get().to(list))
                .route(web::post().to(create))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/workspaces/{id}")
                .route(web::get().to(one))
                .route(web::patch().to(change))
                .default_service(web::route().to(no_such_method)),
        );
}

/// The caller's workspaces.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Workspaces {
    /// The workspaces, the first joined first.
    pub items: Vec<OwnWorkspace>,
    /// How many there are.
    #[schema(example = 1)]
    pub total: usize,
}

/// A workspace to make.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkspaceToMake {
    /// Its name, which no other has: 1 to 200 characters.
    #[schema(format = "name", max_length = 200, example = "Jane's second shop")]
    name: String,
}

/// What of a workspace shall be otherwise; what is absent stays.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkspacePatch {
    /// Its name, which no other has: 1 to 200 characters.
    #[schema(format = "name", max_length = 200, example = "Jane's shop")]
    name: Option<String>,
    /// Its time zone, by the IANA name.
    #[schema(example = "Europe/Berlin")]
    time_zone: Option<String>,
    /// Where it is, for the weather of its days: degrees of latitude and longitude, and a name of 1 to 100 characters;
    /// null: nowhere.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Place>)]
    place: Option<Option<Place>>,
    /// The vendor's authentication template that carries sign-in codes where only templates may go; null: none.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<CodeTemplate>)]
    code_template: Option<Option<CodeTemplate>>,
}

/// Tells null from absent.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl WorkspacePatch {
    /// What of it is not as documented.
    fn problems(&self) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        if !self.name.as_deref().is_none_or(workspaces::is_name) {
            problems.push(FieldProblem::new("name", NAME));
        }
        if self.time_zone.as_deref().is_some_and(|zone| TimeZone::get(zone).is_err()) {
            problems.push(FieldProblem::new("time_zone", "an IANA time zone, such as Europe/Berlin"));
        }
        problems.extend(self.place.iter().flatten().flat_map(Place::problems));
        problems
    }
}

/// A workspace.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Workspace)]
pub struct WorkspaceView {
    /// UUID.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000001")]
    pub id: String,
    /// Its name.
    #[schema(example = "Jane's shop")]
    pub name: String,
    /// Its plan.
    #[schema(example = "free")]
    pub plan: String,
    /// Its time zone, by the IANA name.
    #[schema(example = "Europe/Berlin")]
    pub time_zone: String,
    /// Where it is, for the weather of its days.
    pub place: Option<Place>,
    /// What carries sign-in codes where only templates may go.
    pub code_template: Option<CodeTemplate>,
    /// Unix milliseconds.
    #[schema(example = 1_767_225_600_000_i64)]
    pub created_at: i64,
}

impl From<(Workspace, WorkspaceSettings)> for WorkspaceView {
    fn from((workspace, settings): (Workspace, WorkspaceSettings)) -> Self {
        let Workspace { id, name, plan, created_at } = workspace;
        let WorkspaceSettings { time_zone, place, code_template } = settings;
        Self { id, name, plan, time_zone, place, code_template, created_at }
    }
}

/// Lists the workspaces that the caller belongs to; a key belongs to one.
///
/// # Errors
/// 401 without a good credential.
#[utoipa::path(get, path = "/api/workspaces", tag = "people",
    responses((status = 200, description = "The workspaces.", body = Workspaces)))]
pub async fn list(request: HttpRequest, doors: web::Data<Doors>) -> Result<HttpResponse, Failure> {
    let items = match bearer(&request) {
        Some(key) if !tokens::is_token(key) => {
            let key = known(&request, None).await?;
            let found = doors.switchboard.store.workspace(key.workspace_id()).await;
            let found = found.map_err(|error| Failure::store(&request, &error))?;
            let view = |(workspace, _): (Workspace, _)| {
                let Workspace { id, name, plan, .. } = workspace;
                OwnWorkspace { id, name, role: None, plan }
            };
            found.map(view).into_iter().collect()
        }
        _ => own_workspaces(&signed_in(&request).await?.standing),
    };
    Ok(HttpResponse::Ok().json(Workspaces { total: items.len(), items }))
}

/// Makes a workspace that the caller owns, on the plan `free`. The operator's setting `security.sign_up` says who may:
/// unless it is `open`, only who owns a workspace already. A repeated `Idempotency-Key` of the same person gives the first
/// one again, with `Idempotent-Replayed: true`.
///
/// # Errors
/// 400 for fields that are not as documented, 401 when nobody is signed in, 403 for who may not, 409 when the name is
/// taken or the key was used for something else.
#[utoipa::path(post, path = "/api/workspaces", tag = "people", security(("session" = []), ("token" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters: the same key makes it once.")),
    request_body = WorkspaceToMake,
    responses((status = 201, description = "The workspace.", body = WorkspaceView),
              (status = 400, description = "Fields are not as documented.", body = crate::api::failure::FailureBody),
              (status = 409, description = "Another workspace has the name, or the key was used for something else.", body = crate::api::failure::FailureBody)))]
pub async fn create(
    request: HttpRequest,
    person: SignedIn,
    doors: web::Data<Doors>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let under = reading::idempotency_key(&request)?;
    let asked: WorkspaceToMake = reading::json(&request, &doors, payload).await?;
    if !workspaces::is_name(&asked.name) {
        return Err(Failure::fields(&request, &[FieldProblem::new("name", NAME)]));
    }
    let made = doors.switchboard.make_workspace(&person.0, &asked.name, under).await;
    let (id, repeated) = made.map_err(|not_in| keep_out(&request, not_in))?;
    // Who has left it since does not see it any more.
    let owner: Caller<Read> = caller_in(&request, Some(&id)).await?;
    let mut response = HttpResponse::Created();
    if repeated {
        response.insert_header(("Idempotent-Replayed", "true"));
    } else {
        auditing::note(&request, &doors, &owner, Action::WorkspaceCreated, &id, json!({ "name": asked.name })).await;
    }
    Ok(response.json(read(&request, &doors, &id).await?))
}

/// Reads a workspace of the caller's.
///
/// # Errors
/// 404 for a workspace that is none of theirs.
#[utoipa::path(get, path = "/api/workspaces/{id}", tag = "people", extensions(("x-permission" = json!("read"))),
    params(("id" = String, Path, description = "The workspace.")),
    responses((status = 200, description = "The workspace.", body = WorkspaceView),
              (status = 404, description = "There is no such workspace.", body = crate::api::failure::FailureBody)))]
pub async fn one(
    request: HttpRequest,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let caller: Caller<Read> = caller_in(&request, Some(&path.to_ascii_lowercase())).await?;
    Ok(HttpResponse::Ok().json(read(&request, &doors, caller.workspace_id()).await?))
}

/// Changes a workspace's name or settings. Its time zone is the one in which times without an offset and words such as
/// "tomorrow at nine" are read, and in which its days begin and end.
///
/// # Errors
/// 400 for fields that are not as documented, 404 for a workspace that is none of the caller's, 409 when the name is
/// taken.
#[utoipa::path(patch, path = "/api/workspaces/{id}", tag = "people", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The workspace.")), request_body = WorkspacePatch,
    responses((status = 200, description = "The workspace as it is now.", body = WorkspaceView),
              (status = 400, description = "Fields are not as documented.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such workspace.", body = crate::api::failure::FailureBody),
              (status = 409, description = "Another workspace has the name.", body = crate::api::failure::FailureBody)))]
pub async fn change(
    request: HttpRequest,
    doors: web::Data<Doors>,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let caller: Caller<Manage> = caller_in(&request, Some(&path.to_ascii_lowercase())).await?;
    let asked: WorkspacePatch = reading::json(&request, &doors, payload).await?;
    let problems = asked.problems();
    if !problems.is_empty() {
        return Err(Failure::fields(&request, &problems));
    }
    let stored = doors.switchboard.store.workspace(caller.workspace_id()).await;
    let stored = stored.map_err(|error| Failure::store(&request, &error))?;
    let (workspace, settings) = stored.ok_or_else(|| Failure::not_found(&request, "workspace"))?;
    let detail = json!({ "name": asked.name, "time_zone": asked.time_zone, "place": asked.place });
    let name = asked.name.unwrap_or(workspace.name);
    let settings = WorkspaceSettings {
        time_zone: asked.time_zone.unwrap_or(settings.time_zone),
        place: asked.place.unwrap_or(settings.place),
        code_template: asked.code_template.unwrap_or(settings.code_template),
    };
    match doors.switchboard.store.set_workspace(&workspace.id, &name, &settings).await {
        Ok(()) => {}
        Err(error) if error.is_taken() => {
            return Err(Failure::new(&request, Code::Conflict, "another workspace has this name"));
        }
        Err(error) => return Err(Failure::store(&request, &error)),
    }
    if let Actor::Member { user_id, .. } = &caller.actor {
        doors.switchboard.directory.forget_person(user_id);
    }
    auditing::note(&request, &doors, &caller, Action::WorkspaceChanged, &workspace.id, detail).await;
    Ok(HttpResponse::Ok().json(read(&request, &doors, &workspace.id).await?))
}

async fn read(request: &HttpRequest, doors: &Doors, id: &str) -> Result<WorkspaceView, Failure> {
    let found = doors.switchboard.store.workspace(id).await.map_err(|error| Failure::store(request, &error))?;
    found.map(WorkspaceView::from).ok_or_else(|| Failure::not_found(request, "workspace"))
}
