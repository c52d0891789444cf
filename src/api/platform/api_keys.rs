//! `/api/api-keys`: the keys by which programs call. A secret is told once, when it is made.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;

use super::auth::NAME;
use crate::api::authentication::{Caller, Manage};
use crate::api::failure::{Failure, no_such_method};
use crate::api::reading::{self, Page, Query};
use crate::api::{Doors, auditing};
use crate::domain::api_keys::{self, ApiKey};
use crate::domain::audit::Action;
use crate::domain::errors::{Code, FieldProblem};
use crate::domain::principals::{Permission, Permissions};
use crate::domain::users;
use crate::usecases::keys::{KeyAmendment, Unkeyed, WantedKey};

/// The longest that a replaced secret counts on, in seconds: thirty days.
const LONGEST_OVERLAP: i64 = 30 * 24 * 60 * 60;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .service(
            web::resource("/api/api-keys")
                .route(web::get().to(list))
                .route(web::post().to(create))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/api-keys/{id}")
                .route(web::get().to(one))
                .route(web::patch().to(change))
                .route(web::delete().to(revoke))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/api-keys/{id}/rotate")
                .route(web::post().to(rotate))
                .default_service(web::route().to(no_such_method)),
        );
}

/// A page of keys.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ApiKeys {
    /// The keys, the newest first, revoked ones included.
    pub items: Vec<ApiKey>,
    /// How many there are in all.
    #[schema(example = 1)]
    pub total: i64,
}

/// A key to make.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyToMake {
    /// Unique name in the workspace, 1 to 200 characters.
    #[schema(format = "name", max_length = 200, example = "shop backend")]
    name: String,
    /// What it may do, and nothing that the caller may not; absent: all that the caller may, but `own`.
    #[schema(min_items = 1, example = json!(["chat", "read"]))]
    scopes: Option<Vec<Permission>>,
    /// The one agent that it is for: it chats with them and does nothing else.
    #[schema(format = "uuid", example = "0198c1d2-7e00-7000-8000-000000000002")]
    agent_id: Option<String>,
    /// Requests that it may make in a minute, within its plan's; absent: as many as its plan's.
    #[schema(minimum = 1, maximum = 1_000_000, example = 30)]
    requests_per_minute: Option<u32>,
    /// When it expires, Unix milliseconds; absent: it does not.
    #[schema(example = 1_798_761_600_000_i64)]
    expires_at: Option<i64>,
}

/// What of a key shall be otherwise; what is absent stays.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyPatch {
    /// Unique name in the workspace, 1 to 200 characters.
    #[schema(format = "name", max_length = 200, example = "shop backend")]
    name: Option<String>,
    /// What it may do, and nothing that the caller may not.
    #[schema(min_items = 1, example = json!(["chat"]))]
    scopes: Option<Vec<Permission>>,
    /// Requests that it may make in a minute, within its plan's; null: as many as its plan's.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1_000_000, example = 30)]
    requests_per_minute: Option<Option<u32>>,
    /// When it expires, Unix milliseconds; null: it does not.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<i64>, example = 1_798_761_600_000_i64)]
    expires_at: Option<Option<i64>>,
}

/// Tells null from absent.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// How a key gets another secret.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyRotation {
    /// How long the secret before it still counts, in seconds; absent: not at all.
    #[schema(minimum = 0, maximum = 2_592_000, example = 3_600)]
    overlap_seconds: Option<i64>,
}

/// A key with its secret, which is told this once.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MadeKey {
    /// The key.
    #[serde(flatten)]
    pub api_key: ApiKey,
    /// The secret: send it as `Authorization: Bearer …`. A repeated request does not tell it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "sb_4fK2pQx…")]
    pub key: Option<String>,
}

/// Lists the keys of the workspace, without their secrets.
///
/// # Errors
/// 400 for a query that is not as documented.
#[utoipa::path(get, path = "/api/api-keys", tag = "API keys", extensions(("x-permission" = json!("manage"))), params(Page),
    responses((status = 200, description = "The keys.", body = ApiKeys),
              (status = 400, description = "The query is not as documented.", body = crate::api::failure::FailureBody)))]
pub async fn list(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Failure> {
    let mut query = Query::of(&request);
    let (limit, offset) = query.page();
    query.check(&request)?;
    let found = doors.switchboard.store.api_keys(caller.workspace_id(), limit, offset).await;
    let (items, total) = found.map_err(|error| Failure::store(&request, &error))?;
    Ok(HttpResponse::Ok().json(ApiKeys { items, total }))
}

/// Makes a key. Its secret is in this answer and nowhere else, so a repeated `Idempotency-Key` gives the key again, with
/// `Idempotent-Replayed: true`, but without `key`: who lost the first answer rotates the key or revokes it.
///
/// # Errors
/// 400 for fields that are not as documented, 403 for scopes that the caller does not have, 409 when the name is taken or
/// the idempotency key was used for something else.
#[utoipa::path(post, path = "/api/api-keys", tag = "API keys", extensions(("x-permission" = json!("manage"))), request_body = KeyToMake,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters: the same key makes it once.")),
    responses((status = 201, description = "The key with its secret.", body = MadeKey),
              (status = 400, description = "Fields are not as documented.", body = crate::api::failure::FailureBody),
              (status = 409, description = "Another key has the name, or the idempotency key was used for something else.", body = crate::api::failure::FailureBody)))]
pub async fn create(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let under = reading::idempotency_key(&request)?;
    let asked: KeyToMake = reading::json(&request, &doors, payload).await?;
    judge(&request, Some(&asked.name), asked.scopes.as_deref(), asked.requests_per_minute)?;
    let wanted = WantedKey {
        name: asked.name,
        agent_id: asked.agent_id,
        scopes: asked.scopes.as_deref().map(Permissions::of),
        requests_per_minute: asked.requests_per_minute,
        expires_at: asked.expires_at,
    };
    let made = doors.switchboard.make_key(&caller, wanted, under).await;
    let (api_key, secret) = made.map_err(|unkeyed| refuse(&request, unkeyed))?;
    let Some(secret) = secret else {
        let mut replayed = HttpResponse::Created();
        replayed.insert_header(("Idempotent-Replayed", "true"));
        return Ok(replayed.json(MadeKey { api_key, key: None }));
    };
    let detail = json!({ "name": api_key.name, "prefix": api_key.prefix, "scopes": api_key.scopes });
    auditing::note(&request, &doors, &caller, Action::KeyCreated, &api_key.id, detail).await;
    Ok(HttpResponse::Created().json(MadeKey { api_key, key: Some(secret.reveal().to_owned()) }))
}

/// Reads one key, without its secret.
///
/// # Errors
/// 404 for an unknown key.
#[utoipa::path(get, path = "/api/api-keys/{id}", tag = "API keys", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The key.")),
    responses((status = 200, description = "The key.", body = ApiKey),
              (status = 404, description = "There is no such key.", body = crate::api::failure::FailureBody)))]
pub async fn one(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    Ok(HttpResponse::Ok().json(find(&request, &caller, &doors, &path).await?))
}

/// Changes a key's name, scopes, limit or expiry. Its secret stays.
///
/// # Errors
/// 400 for fields that are not as documented, 403 for a key or scopes that may do more than the caller, 404 for an
/// unknown or revoked key, 409 when the name is taken.
#[utoipa::path(patch, path = "/api/api-keys/{id}", tag = "API keys", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The key.")), request_body = KeyPatch,
    responses((status = 200, description = "The key as it is now.", body = ApiKey),
              (status = 400, description = "Fields are not as documented.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such key, or it is revoked.", body = crate::api::failure::FailureBody),
              (status = 409, description = "Another key has the name.", body = crate::api::failure::FailureBody)))]
pub async fn change(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let id = find(&request, &caller, &doors, &path).await?.id;
    let asked: KeyPatch = reading::json(&request, &doors, payload).await?;
    judge(&request, asked.name.as_deref(), asked.scopes.as_deref(), asked.requests_per_minute.flatten())?;
    let wanted = KeyAmendment {
        name: asked.name,
        scopes: asked.scopes.as_deref().map(Permissions::of),
        requests_per_minute: asked.requests_per_minute,
        expires_at: asked.expires_at,
    };
    let changed = doors.switchboard.amend_key(&caller, &id, wanted).await;
    let key = changed.map_err(|unkeyed| refuse(&request, unkeyed))?;
    let detail = json!({
        "name": key.name, "scopes": key.scopes, "expires_at": key.expires_at,
        "requests_per_minute": key.requests_per_minute,
    });
    auditing::note(&request, &doors, &caller, Action::KeyChanged, &id, detail).await;
    Ok(HttpResponse::Ok().json(key))
}

/// Revokes a key: it opens nothing from now on. It stays in the list, and its name stays taken.
///
/// # Errors
/// 403 for a key that may do more than the caller, 404 for an unknown key.
#[utoipa::path(delete, path = "/api/api-keys/{id}", tag = "API keys", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The key.")),
    responses((status = 204, description = "It is revoked."),
              (status = 404, description = "There is no such key.", body = crate::api::failure::FailureBody)))]
pub async fn revoke(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = reading::id(&request, &path, "key")?;
    let revoked = doors.switchboard.revoke_key(&caller, &id).await;
    let key = revoked.map_err(|unkeyed| refuse(&request, unkeyed))?;
    if key.revoked_at.is_none() {
        auditing::note(&request, &doors, &caller, Action::KeyRevoked, &id, json!({ "name": key.name })).await;
    }
    Ok(HttpResponse::NoContent().finish())
}

/// Gives a key another secret, which is in this answer and nowhere else. The one before still counts for as long as asked.
///
/// # Errors
/// 400 for fields that are not as documented, 403 for a key that may do more than the caller, 404 for an unknown or
/// revoked key.
#[utoipa::path(post, path = "/api/api-keys/{id}/rotate", tag = "API keys", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The key.")), request_body = KeyRotation,
    responses((status = 200, description = "The key with its new secret.", body = MadeKey),
              (status = 400, description = "Fields are not as documented.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such key, or it is revoked.", body = crate::api::failure::FailureBody)))]
pub async fn rotate(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let id = find(&request, &caller, &doors, &path).await?.id;
    let asked: KeyRotation = reading::json(&request, &doors, payload).await?;
    let overlap = asked.overlap_seconds.unwrap_or(0);
    if !(0..=LONGEST_OVERLAP).contains(&overlap) {
        let problem = FieldProblem::new("overlap_seconds", format!("seconds: 0 to {LONGEST_OVERLAP}"));
        return Err(Failure::fields(&request, &[problem]));
    }
    let rotated = doors.switchboard.rotate_key(&caller, &id, overlap * 1_000).await;
    let (api_key, secret) = rotated.map_err(|unkeyed| refuse(&request, unkeyed))?;
    let detail = json!({ "name": api_key.name, "prefix": api_key.prefix, "overlap_seconds": overlap });
    auditing::note(&request, &doors, &caller, Action::KeyRotated, &id, detail).await;
    Ok(HttpResponse::Ok().json(MadeKey { api_key, key: Some(secret.reveal().to_owned()) }))
}

fn judge(
    request: &HttpRequest,
    name: Option<&str>,
    scopes: Option<&[Permission]>,
    limit: Option<u32>,
) -> Result<(), Failure> {
    let mut problems = Vec::new();
    if !name.is_none_or(users::is_name) {
        problems.push(FieldProblem::new("name", NAME));
    }
    if scopes.is_some_and(<[Permission]>::is_empty) {
        problems.push(FieldProblem::new("scopes", "at least one permission"));
    }
    if limit.is_some_and(|limit| !api_keys::LIMITS.contains(&limit)) {
        problems.push(FieldProblem::new("requests_per_minute", api_keys::LIMIT));
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure::fields(request, &problems)) }
}

async fn find(request: &HttpRequest, caller: &Caller<Manage>, doors: &Doors, id: &str) -> Result<ApiKey, Failure> {
    let id = reading::id(request, id, "key")?;
    let found = doors.switchboard.store.api_key(caller.workspace_id(), &id).await;
    found.map_err(|error| Failure::store(request, &error))?.ok_or_else(|| Failure::not_found(request, "key"))
}

fn refuse(request: &HttpRequest, unkeyed: Unkeyed) -> Failure {
    match unkeyed {
        Unkeyed::Unknown => Failure::not_found(request, "key"),
        Unkeyed::Beyond => {
            Failure::new(request, Code::Forbidden, "nobody gives or takes a key that may do more than they may")
        }
        Unkeyed::NameTaken => Failure::new(request, Code::Conflict, "another key has this name"),
        Unkeyed::KeyMismatch => Failure::key_mismatch(request),
        Unkeyed::Fields(problems) => Failure::fields(request, &problems),
        Unkeyed::Store(error) => Failure::store(request, &error),
    }
}
