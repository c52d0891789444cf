//! `/api/agents`: who answers, without their models' keys.

pub mod changes;
pub mod chat;
pub mod documents;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use crate::api::Doors;
use crate::api::authentication::{Caller, Read};
use crate::api::failure::{Failure, no_such_method};
use crate::api::reading::{self, Page, Query};
use crate::domain::agents::{Agent, AgentSettings};

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .service(
            web::resource("/api/agents")
                .route(web::get().to(list))
                .route(web::post().to(changes::create))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/agents/{id}")
                .route(web::get().to(one))
                .route(web::patch().to(changes::amend))
                .route(web::delete().to(changes::remove))
                .default_service(web::route().to(no_such_method)),
        )
        .configure(chat::configure)
        .configure(documents::configure);
}

/// A page of agents.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Agents {
    /// The agents by name.
    pub items: Vec<AgentView>,
    /// How many there are in all.
    #[schema(example = 1)]
    pub total: usize,
}

/// An agent.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Agent)]
pub struct AgentView {
    /// UUID.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000002")]
    pub id: String,
    /// Unique name in the workspace; the contact sees it.
    #[schema(example = "Ada")]
    pub name: String,
    /// `builtin/knowledge`, `builtin/echo`, or a model name at its endpoint.
    #[schema(example = "builtin/knowledge")]
    pub model: String,
    /// What it is told about itself.
    #[schema(example = "You help the guests of a small hotel.")]
    pub instructions: String,
    /// Everything else.
    pub settings: AgentSettings,
    /// Whether it answers.
    #[schema(example = true)]
    pub is_active: bool,
    /// Unix milliseconds.
    #[schema(example = 1_767_225_600_000_i64)]
    pub created_at: i64,
}

impl From<Agent> for AgentView {
    fn from(agent: Agent) -> Self {
        let Agent { id, workspace_id: _, name, model, instructions, settings, is_active, created_at } = agent;
        Self { id, name, model, instructions, settings, is_active, created_at }
    }
}

/// Lists the agents of the workspace.
///
/// # Errors
/// 400 for a query that is not as documented.
#[utoipa::path(get, path = "/api/agents", tag = "agents", extensions(("x-permission" = json!("read"))), params(Page),
    responses((status = 200, description = "The agents.", body = Agents),
              (status = 400, description = "The query is not as documented.", body = crate::api::failure::FailureBody)))]
pub async fn list(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Failure> {
    let mut query = Query::of(&request);
    let (limit, offset) = query.page();
    query.check(&request)?;
    let found = doors.switchboard.store.agents(caller.workspace_id()).await;
    let found = found.map_err(|error| Failure::store(&request, &error))?;
    let total = found.len();
    let page = found.into_iter().skip(usize::try_from(offset).unwrap_or(usize::MAX));
    let items = page.take(usize::try_from(limit).unwrap_or_default()).map(|stored| stored.agent.into()).collect();
    Ok(HttpResponse::Ok().json(Agents { items, total }))
}

/// Reads one agent.
///
/// # Errors
/// 404 for an unknown agent.
#[utoipa::path(get, path = "/api/agents/{id}", tag = "agents", extensions(("x-permission" = json!("read"))),
    params(("id" = String, Path, description = "The agent.")),
    responses((status = 200, description = "The agent.", body = AgentView),
              (status = 404, description = "There is no such agent.", body = crate::api::failure::FailureBody)))]
pub async fn one(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let agent = find(&request, caller.workspace_id(), &doors, &path).await?;
    Ok(HttpResponse::Ok().json(AgentView::from(agent)))
}

/// The agent of the workspace that an address names.
pub(super) async fn find(request: &HttpRequest, workspace_id: &str, doors: &Doors, id: &str) -> Result<Agent, Failure> {
    let id = reading::id(request, id, "agent")?;
    let found = doors.switchboard.store.agent_by_id(&id).await.map_err(|error| Failure::store(request, &error))?;
    let found = found.map(|stored| stored.agent).filter(|agent| agent.workspace_id == workspace_id);
    found.ok_or_else(|| Failure::not_found(request, "agent"))
}
