//! Agents made, changed and removed. A model's key goes in and never comes out again.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use switchboard_channels::contract::credentials::Secret;

use super::AgentView;
use crate::api::Doors;
use crate::api::authentication::{Caller, Manage};
use crate::api::failure::Failure;
use crate::api::reading;
use crate::domain::agents::AgentSettings;
use crate::domain::errors::{Code, FieldProblem};
use crate::usecases::agents::{AgentWish, Unmade};

/// An agent to make.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AgentToMake {
    /// Unique name in the workspace, 1 to 200 characters; the contact sees it.
    #[schema(format = "name", max_length = 200, example = "Ada")]
    name: String,
    /// `builtin/knowledge`, `builtin/echo`, or a model name at its endpoint.
    #[schema(format = "model", example = "builtin/knowledge")]
    model: String,
    /// What it is told about itself, at most 100,000 characters.
    #[serde(default)]
    #[schema(format = "plain", max_length = 100_000, example = "You help the guests of a small hotel.")]
    instructions: String,
    /// Everything else; what is absent has its default.
    #[serde(default)]
    #[schema(value_type = AgentSettings)]
    settings: Map<String, Value>,
    /// Key of its model's endpoint. It is never shown again.
    #[schema(format = "token", value_type = Option<String>, example = "sk-proj-4f2a91c07b")]
    api_key: Option<Secret>,
    /// Whether it answers.
    #[schema(default = true)]
    is_active: Option<bool>,
}

/// What of an agent shall be otherwise; what is absent stays.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AgentPatch {
    /// Another name.
    #[schema(format = "name", max_length = 200, example = "Ada")]
    name: Option<String>,
    /// Another model.
    #[schema(format = "model", example = "builtin/knowledge")]
    model: Option<String>,
    /// What it is told about itself.
    #[schema(format = "plain", max_length = 100_000, example = "You help the guests of a small hotel.")]
    instructions: Option<String>,
    /// Settings to change, member by member: null gives the default back, what is absent stays.
    #[schema(value_type = Object, example = json!({ "passages": 6, "unknown_message": null }))]
    settings: Map<String, Value>,
    /// Key of its model's endpoint, or null.
    #[serde(deserialize_with = "given")]
    #[schema(format = "token", value_type = Option<String>, example = "sk-proj-4f2a91c07b")]
    api_key: Option<Option<Secret>>,
    /// Whether it answers.
    is_active: Option<bool>,
}

/// Tells null from absent.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Secret>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Makes an agent. A repeated `Idempotency-Key` gives the first one again, with `Idempotent-Replayed: true`.
///
/// # Errors
/// 400 for fields that cannot work, each by its name, such as `settings.base_url`; 409 when another agent has the name,
/// or the key was used for something else.
#[utoipa::path(post, path = "/api/agents", tag = "agents", extensions(("x-permission" = json!("manage"))),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters: the same key makes it once.")),
    request_body = AgentToMake,
    responses((status = 201, description = "The agent.", body = AgentView),
              (status = 400, description = "Fields cannot work; each is named, such as `settings.base_url`.", body = crate::api::failure::FailureBody),
              (status = 409, description = "Another agent has the name, or the key was used for something else.", body = crate::api::failure::FailureBody)))]
pub async fn create(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let key = reading::idempotency_key(&request)?;
    let asked: AgentToMake = reading::json(&request, &doors, payload).await?;
    judge_endpoint(&request, &doors, &asked.settings).await?;
    let wish = AgentWish {
        name: Some(asked.name),
        model: Some(asked.model),
        instructions: Some(asked.instructions),
        settings: asked.settings,
        api_key: Some(asked.api_key),
        is_active: asked.is_active,
    };
    let made = doors.switchboard.create_agent(caller.workspace_id(), wish, key).await;
    let (agent, repeated) = made.map_err(|unmade| refuse(&request, unmade))?;
    let mut response = HttpResponse::Created();
    if repeated {
        response.insert_header(("Idempotent-Replayed", "true"));
    }
    Ok(response.json(AgentView::from(agent)))
}

/// Changes an agent, settings member by member. An agent that is not active keeps its conversations and answers nobody.
///
/// # Errors
/// 400 for fields that cannot work, each by its name; 404 for an unknown agent; 409 when another agent has the name.
#[utoipa::path(patch, path = "/api/agents/{id}", tag = "agents", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The agent.")), request_body = AgentPatch,
    responses((status = 200, description = "The agent as it is now.", body = AgentView),
              (status = 400, description = "Fields cannot work; each is named, such as `settings.base_url`.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such agent.", body = crate::api::failure::FailureBody),
              (status = 409, description = "Another agent has the name.", body = crate::api::failure::FailureBody)))]
pub async fn amend(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let id = super::find(&request, caller.workspace_id(), &doors, &path).await?.id;
    let asked: AgentPatch = reading::json(&request, &doors, payload).await?;
    judge_endpoint(&request, &doors, &asked.settings).await?;
    let AgentPatch { name, model, instructions, settings, api_key, is_active } = asked;
    let wish = AgentWish { name, model, instructions, settings, api_key, is_active };
    let amended = doors.switchboard.amend_agent(caller.workspace_id(), &id, wish).await;
    let agent = amended.map_err(|unmade| refuse(&request, unmade))?;
    Ok(HttpResponse::Ok().json(AgentView::from(agent)))
}

/// Removes an agent that no channel uses, with its documents and its own keys. What it said stays.
///
/// # Errors
/// 404 for an unknown agent, 409 when channels use it.
#[utoipa::path(delete, path = "/api/agents/{id}", tag = "agents", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The agent.")),
    responses((status = 204, description = "It is gone."),
              (status = 404, description = "There is no such agent.", body = crate::api::failure::FailureBody),
              (status = 409, description = "Channels use it.", body = crate::api::failure::FailureBody)))]
pub async fn remove(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = reading::id(&request, &path, "agent")?;
    let removed = doors.switchboard.remove_agent(caller.workspace_id(), &id).await;
    removed.map_err(|unmade| refuse(&request, unmade))?;
    Ok(HttpResponse::NoContent().finish())
}

/// A model's endpoint is entered by whoever has a key: the gateway goes to none within its own network.
async fn judge_endpoint(request: &HttpRequest, doors: &Doors, settings: &Map<String, Value>) -> Result<(), Failure> {
    let Some(address) = settings.get("base_url").and_then(Value::as_str) else { return Ok(()) };
    doors.client.check_entered(address).await.map_err(|refused| {
        let expected = format!("an address on the public internet ({refused})");
        Failure::fields(request, &[FieldProblem::new("settings.base_url", expected)])
    })
}

fn refuse(request: &HttpRequest, unmade: Unmade) -> Failure {
    match unmade {
        Unmade::Unknown => Failure::not_found(request, "agent"),
        Unmade::Fields(problems) => Failure::fields(request, &problems),
        Unmade::Conflict(reason) => Failure::new(request, Code::Conflict, reason),
        Unmade::KeyMismatch => {
            Failure::new(request, Code::IdempotencyMismatch, "the Idempotency-Key was used for a different request")
        }
        Unmade::Store(error) => Failure::store(request, &error),
    }
}
