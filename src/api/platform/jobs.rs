//! `/api/jobs`: work that was given up, to look at and to run again.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::api::Doors;
use crate::api::authentication::{Caller, Manage};
use crate::api::failure::{Failure, no_such_method};
use crate::api::reading::{self, Page, Query};
use crate::store::jobs::DeadJob;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .service(
            web::resource("/api/jobs/dead").route(web::get().to(dead)).default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/jobs/{id}/retry")
                .route(web::post().to(retry))
                .default_service(web::route().to(no_such_method)),
        );
}

/// A page of dead jobs.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DeadJobs {
    /// The jobs, newest first.
    pub items: Vec<Job>,
    /// How many there are in all.
    #[schema(example = 1)]
    pub total: i64,
}

/// A job that was given up.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Job {
    /// UUID.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000009")]
    pub id: String,
    /// `answer`, `send` or `download`.
    #[schema(example = "send")]
    pub kind: String,
    /// What it was to do: the ids of the rows it is about.
    #[schema(value_type = Object)]
    pub work: Option<Box<RawValue>>,
    /// Tries that failed.
    #[schema(example = 14)]
    pub attempts: i64,
    /// Why it was given up.
    #[schema(example = "the vendor answered 503")]
    pub last_error: Option<String>,
    /// Unix milliseconds.
    #[schema(example = 1_767_225_600_000_i64)]
    pub created_at: i64,
}

impl From<DeadJob> for Job {
    fn from(dead: DeadJob) -> Self {
        let work = RawValue::from_string(dead.work).ok();
        Self {
            id: dead.id,
            kind: dead.kind,
            work,
            attempts: dead.attempts,
            last_error: dead.last_error,
            created_at: dead.created_at,
        }
    }
}

/// Lists the jobs that were given up.
///
/// # Errors
/// 400 for a query that is not as documented.
#[utoipa::path(get, path = "/api/jobs/dead", tag = "jobs", extensions(("x-permission" = json!("manage"))), params(Page),
    responses((status = 200, description = "The dead jobs of the workspace.", body = DeadJobs),
              (status = 400, description = "The query is not as documented.", body = crate::api::failure::FailureBody)))]
pub async fn dead(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Failure> {
    let mut query = Query::of(&request);
    let (limit, offset) = query.page();
    query.check(&request)?;
    let (store, workspace) = (&doors.switchboard.store, caller.workspace_id());
    let found = store.dead_jobs(workspace, limit, offset).await.map_err(|error| Failure::store(&request, &error))?;
    let total = store.count_dead_jobs(workspace).await.map_err(|error| Failure::store(&request, &error))?;
    Ok(HttpResponse::Ok().json(DeadJobs { items: found.into_iter().map(Job::from).collect(), total }))
}

/// Brings a dead job back. A node takes it within seconds.
///
/// # Errors
/// 404 when the workspace has no such dead job.
#[utoipa::path(post, path = "/api/jobs/{id}/retry", tag = "jobs", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The job.")),
    responses((status = 202, description = "It waits to be run again."),
              (status = 404, description = "There is no such dead job.", body = crate::api::failure::FailureBody)))]
pub async fn retry(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = reading::id(&request, &path, "dead job")?;
    let revived = doors.switchboard.store.revive_job(caller.workspace_id(), &id).await;
    if revived.map_err(|error| Failure::store(&request, &error))? {
        Ok(HttpResponse::Accepted().finish())
    } else {
        Err(Failure::not_found(&request, "dead job"))
    }
}
