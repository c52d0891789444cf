//! `/functions/v1/agents`: the agents that answer.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use crate::api::Doors;
use crate::api::assistant::timestamp;
use crate::api::authentication::{Caller, Read};
use crate::api::failure::{Failure, no_such_method};

/// Adds the address.
pub fn configure(services: &mut web::ServiceConfig) {
    services.service(
        web::resource("/functions/v1/agents")
            .route(web::get().to(list))
            .default_service(web::route().to(no_such_method)),
    );
}

/// The active agents.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ActiveAgents {
    /// The agents by name.
    pub data: Vec<ActiveAgent>,
}

/// An agent that answers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ActiveAgent {
    /// UUID.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000002")]
    pub id: String,
    /// Its name.
    #[schema(example = "Sales Agent")]
    pub name: String,
    /// `true`.
    #[schema(example = true)]
    pub is_active: bool,
    /// `builtin/knowledge`, `builtin/echo`, or a model name at its endpoint.
    #[schema(example = "builtin/knowledge")]
    pub model: String,
    /// RFC 3339, UTC.
    #[schema(example = "2026-01-01T00:00:00.000Z")]
    pub created_at: String,
}

/// Lists the active agents of the workspace.
///
/// # Errors
/// Only those that all addresses share.
#[utoipa::path(get, path = "/functions/v1/agents", tag = "agents", extensions(("x-permission" = json!("read"))),
    responses((status = 200, description = "The agents that answer.", body = ActiveAgents)))]
pub async fn list(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Failure> {
    let found = doors.switchboard.store.agents(caller.workspace_id()).await;
    let found = found.map_err(|error| Failure::store(&request, &error))?;
    let data = found
        .into_iter()
        .map(|stored| stored.agent)
        .filter(|agent| agent.is_active)
        .map(|agent| ActiveAgent {
            id: agent.id,
            name: agent.name,
            is_active: agent.is_active,
            model: agent.model,
            created_at: timestamp(agent.created_at),
        })
        .collect();
    Ok(HttpResponse::Ok().json(ActiveAgents { data }))
}
