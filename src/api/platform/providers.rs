//! `/api/providers`: the workspace's own accounts with providers of models. Their keys go in and never come out.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::json;
use switchboard_channels::contract::credentials::Secret;

use crate::api::authentication::{Caller, Manage};
use crate::api::failure::{Failure, no_such_method};
use crate::api::reading::{self, Page, Query};
use crate::api::{Doors, auditing};
use crate::domain::audit::Action;
use crate::domain::errors::FieldProblem;
use crate::llm::endpoint::Provider;
use crate::store::providers::StoredProvider;

/// Longest key, in characters.
const LONGEST_KEY: usize = 1_000;
/// Longest address, in characters.
const LONGEST_URL: usize = 2_000;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .service(
            web::resource("/api/providers").route(web::get().to(list)).default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/providers/{provider}")
                .route(web::get().to(one))
                .route(web::put().to(set))
                .route(web::delete().to(remove))
                .default_service(web::route().to(no_such_method)),
        );
}

/// A page of accounts.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Providers {
    /// The accounts by the names of their providers.
    pub items: Vec<ProviderView>,
    /// How many there are in all.
    #[schema(example = 1)]
    pub total: usize,
}

/// An account with a provider, without its key.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Provider)]
pub struct ProviderView {
    /// `openai`, `anthropic`, `gemini` or `compatible`.
    #[schema(example = "anthropic")]
    pub provider: String,
    /// Where its models are served; null: where the provider usually does.
    #[schema(example = json!(null))]
    pub base_url: Option<String>,
    /// When it was set: Unix milliseconds.
    #[schema(example = 1_767_225_600_000_i64)]
    pub updated_at: i64,
}

/// An account to use from now on.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderPut {
    /// Its key: 1 to 1,000 visible ASCII characters.
    #[schema(format = "token", max_length = 1000, example = "sk-ant-4f2a91c07b")]
    pub api_key: String,
    /// Where its models are served, on the public internet; `compatible` needs it.
    #[serde(default)]
    #[schema(format = "url", max_length = 2000, example = "https://models.example.com/v1")]
    pub base_url: Option<String>,
}

impl ProviderView {
    fn of(provider: Provider, stored: StoredProvider) -> Self {
        let StoredProvider { api_key: _, base_url, updated_at } = stored;
        Self { provider: provider.as_str().to_owned(), base_url, updated_at }
    }
}

/// Lists the workspace's own accounts with providers of models. Each has a key, which is never told.
///
/// # Errors
/// 400 for a query that is not as documented.
#[utoipa::path(get, path = "/api/providers", tag = "providers", extensions(("x-permission" = json!("manage"))), params(Page),
    responses((status = 200, description = "The accounts.", body = Providers),
              (status = 400, description = "The query is not as documented.", body = crate::api::failure::FailureBody)))]
pub async fn list(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Failure> {
    let mut query = Query::of(&request);
    let (limit, offset) = query.page();
    query.check(&request)?;
    let found = doors.switchboard.store.providers(caller.workspace_id()).await;
    let found = found.map_err(|error| Failure::store(&request, &error))?;
    let total = found.len();
    let page = found.into_iter().skip(usize::try_from(offset).unwrap_or(usize::MAX));
    let page = page.take(usize::try_from(limit).unwrap_or_default());
    let items = page.map(|(provider, base_url, updated_at)| ProviderView { provider, base_url, updated_at }).collect();
    Ok(HttpResponse::Ok().json(Providers { items, total }))
}

/// Shows the workspace's account with a provider.
///
/// # Errors
/// 404 for an unknown provider, and where there is no account.
#[utoipa::path(get, path = "/api/providers/{provider}", tag = "providers", extensions(("x-permission" = json!("manage"))),
    params(("provider" = String, Path, description = "openai, anthropic, gemini or compatible.")),
    responses((status = 200, description = "The account.", body = ProviderView),
              (status = 404, description = "There is no such provider, or no account with it.", body = crate::api::failure::FailureBody)))]
pub async fn one(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let provider = provider(&request, &path)?;
    Ok(HttpResponse::Ok().json(shown(&request, &caller, &doors, provider).await?))
}

/// Sets the workspace's account with a provider. Agents without a key of their own use it, and spend nothing of the
/// installation's.
///
/// # Errors
/// 400 for fields that are not as documented, 404 for an unknown provider.
#[utoipa::path(put, path = "/api/providers/{provider}", tag = "providers", extensions(("x-permission" = json!("manage"))),
    params(("provider" = String, Path, description = "openai, anthropic, gemini or compatible.")), request_body = ProviderPut,
    responses((status = 200, description = "The account as it is now.", body = ProviderView),
              (status = 400, description = "Fields are not as documented.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such provider.", body = crate::api::failure::FailureBody)))]
pub async fn set(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let provider = provider(&request, &path)?;
    let asked: ProviderPut = reading::json(&request, &doors, payload).await?;
    judge(&request, &doors, provider, &asked).await?;
    let (key, base_url) = (Secret::new(asked.api_key), asked.base_url.as_deref());
    let put = doors.switchboard.store.put_provider(caller.workspace_id(), provider.as_str(), &key, base_url).await;
    put.map_err(|error| Failure::store(&request, &error))?;
    let detail = json!({ "base_url": base_url });
    auditing::note(&request, &doors, &caller, Action::ProviderSet, provider.as_str(), detail).await;
    Ok(HttpResponse::Ok().json(shown(&request, &caller, &doors, provider).await?))
}

/// Forgets the workspace's account with a provider.
///
/// # Errors
/// 404 for an unknown provider, and where there is no account.
#[utoipa::path(delete, path = "/api/providers/{provider}", tag = "providers", extensions(("x-permission" = json!("manage"))),
    params(("provider" = String, Path, description = "openai, anthropic, gemini or compatible.")),
    responses((status = 204, description = "It is forgotten."),
              (status = 404, description = "There is no such provider, or no account with it.", body = crate::api::failure::FailureBody)))]
pub async fn remove(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let provider = provider(&request, &path)?;
    let removed = doors.switchboard.store.remove_provider(caller.workspace_id(), provider.as_str()).await;
    if removed.map_err(|error| Failure::store(&request, &error))? {
        auditing::note(&request, &doors, &caller, Action::ProviderRemoved, provider.as_str(), json!({})).await;
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(Failure::not_found(&request, "account"))
    }
}

fn provider(request: &HttpRequest, word: &str) -> Result<Provider, Failure> {
    Provider::from_word(word).ok_or_else(|| Failure::not_found(request, "provider"))
}

async fn shown(
    request: &HttpRequest,
    caller: &Caller<Manage>,
    doors: &Doors,
    provider: Provider,
) -> Result<ProviderView, Failure> {
    let stored = doors.switchboard.store.provider(caller.workspace_id(), provider.as_str()).await;
    let stored = stored.map_err(|error| Failure::store(request, &error))?;
    stored.map(|stored| ProviderView::of(provider, stored)).ok_or_else(|| Failure::not_found(request, "account"))
}

async fn judge(request: &HttpRequest, doors: &Doors, provider: Provider, asked: &ProviderPut) -> Result<(), Failure> {
    let mut problems = Vec::new();
    let key = &asked.api_key;
    if key.is_empty() || key.len() > LONGEST_KEY || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        problems.push(FieldProblem::new("api_key", format!("1 to {LONGEST_KEY} visible ASCII characters")));
    }
    match &asked.base_url {
        None if provider == Provider::Compatible => {
            problems.push(FieldProblem::new("base_url", "where the models are served: an http or https address"));
        }
        None => {}
        Some(url) => {
            let refused = match doors.client.check_address(url) {
                Ok(()) if url.len() <= LONGEST_URL => doors.client.check_entered(url).await.err(),
                Ok(()) => {
                    problems.push(FieldProblem::new("base_url", format!("at most {LONGEST_URL} characters")));
                    None
                }
                Err(refused) => Some(refused),
            };
            if let Some(refused) = refused {
                let expected = format!("an http or https address on the public internet ({refused})");
                problems.push(FieldProblem::new("base_url", expected));
            }
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure::fields(request, &problems)) }
}
