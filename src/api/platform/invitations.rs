//! `/api/invitations`: people are asked to join the workspace, and accept.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::auth::{NAME, PASSWORD, SessionView, keep_out, welcome};
use super::members::refuse;
use crate::api::authentication::{Caller, Manage, session_token, signed_in};
use crate::api::failure::{Failure, no_such_method};
use crate::api::reading::{self, Page, Query};
use crate::api::{Doors, auditing, peer, provenance};
use crate::domain::audit::{Action, Deed};
use crate::domain::contacts;
use crate::domain::errors::{Code, FieldProblem};
use crate::domain::members::{Invitation, Role};
use crate::domain::users;
use crate::usecases::members::{Acceptance, Told, Unaccepted, Unmoved};

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .service(
            web::resource("/api/invitations")
                .route(web::get().to(list))
                .route(web::post().to(create))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/invitations/accept")
                .route(web::post().to(accept))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/invitations/{id}")
                .route(web::delete().to(withdraw))
                .default_service(web::route().to(no_such_method)),
        );
}

/// A page of invitations.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Invitations {
    /// The invitations, the newest first.
    pub items: Vec<Invitation>,
    /// How many there are in all.
    #[schema(example = 1)]
    pub total: i64,
}

/// Whom to invite.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationToMake {
    /// Their email address.
    #[schema(format = "email", example = "kim@example.com")]
    email: String,
    /// What they would be; not more than the caller is.
    role: Role,
}

/// An invitation with its token, which is told this once.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MadeInvitation {
    /// The invitation.
    #[serde(flatten)]
    pub invitation: Invitation,
    /// What accepts it. Whoever has it can. A repeated request does not tell it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "x2Fq8T…")]
    pub token: Option<String>,
    /// Whether the workspace's email channel brings it; if not, the caller does. Told with the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = true)]
    pub mailed: Option<bool>,
}

/// An invitation to accept.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationToAccept {
    /// Its token.
    #[schema(example = "x2Fq8T…")]
    token: String,
    /// A new user's password, 8 to 512 characters. Who is a user already gives the one they have, or is signed in.
    #[schema(min_length = 8, max_length = 512, pattern = r"^[^\x00]*$", example = "correct horse battery staple", format = Password)]
    password: Option<String>,
    /// A new user's display name.
    #[schema(format = "name", max_length = 200, example = "Kim Doe")]
    name: Option<String>,
}

/// Lists the invitations of the workspace.
///
/// # Errors
/// 400 for a query that is not as documented.
#[utoipa::path(get, path = "/api/invitations", tag = "people", extensions(("x-permission" = json!("manage"))), params(Page),
    responses((status = 200, description = "The invitations.", body = Invitations),
              (status = 400, description = "The query is not as documented.", body = crate::api::failure::FailureBody)))]
pub async fn list(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Failure> {
    let mut query = Query::of(&request);
    let (limit, offset) = query.page();
    query.check(&request)?;
    let found = doors.switchboard.store.invitations(caller.workspace_id(), limit, offset).await;
    let (items, total) = found.map_err(|error| Failure::store(&request, &error))?;
    Ok(HttpResponse::Ok().json(Invitations { items, total }))
}

/// Invites somebody for seven days. The workspace's email channel brings the token, where there is one; it is also told
/// here, this once: a repeated `Idempotency-Key` gives the first invitation again, with `Idempotent-Replayed: true`, but
/// without its token.
///
/// # Errors
/// 400 for fields that are not as documented, 403 for a role that may do more than the caller, 404 when what the key made
/// is withdrawn, 409 when it was used for something else.
#[utoipa::path(post, path = "/api/invitations", tag = "people", extensions(("x-permission" = json!("manage"))), request_body = InvitationToMake,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters: the same key invites once.")),
    responses((status = 201, description = "The invitation.", body = MadeInvitation),
              (status = 400, description = "Fields are not as documented.", body = crate::api::failure::FailureBody),
              (status = 409, description = "The key was used for something else.", body = crate::api::failure::FailureBody)))]
pub async fn create(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let under = reading::idempotency_key(&request)?;
    let asked: InvitationToMake = reading::json(&request, &doors, payload).await?;
    let Some(email) = contacts::email(&asked.email) else {
        return Err(Failure::fields(&request, &[FieldProblem::new("email", "an email address")]));
    };
    let made = doors.switchboard.invite(&caller, email, asked.role, under).await;
    let (invitation, told) = made.map_err(|unmoved| refuse(&request, unmoved, "invitation"))?;
    let Some(Told { token, mailed }) = told else {
        let mut replayed = HttpResponse::Created();
        replayed.insert_header(("Idempotent-Replayed", "true"));
        return Ok(replayed.json(MadeInvitation { invitation, token: None, mailed: None }));
    };
    let detail = json!({ "email": invitation.email, "role": invitation.role, "mailed": mailed });
    auditing::note(&request, &doors, &caller, Action::InvitationMade, &invitation.id, detail).await;
    Ok(HttpResponse::Created().json(MadeInvitation { invitation, token: Some(token), mailed: Some(mailed) }))
}

/// Withdraws an invitation that was not accepted.
///
/// # Errors
/// 404 for an unknown invitation, and for an accepted one.
#[utoipa::path(delete, path = "/api/invitations/{id}", tag = "people", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The invitation.")),
    responses((status = 204, description = "Its token opens nothing any more."),
              (status = 404, description = "There is no such invitation.", body = crate::api::failure::FailureBody)))]
pub async fn withdraw(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = reading::id(&request, &path, "invitation")?;
    let removed = doors.switchboard.store.remove_invitation(caller.workspace_id(), &id).await;
    if !removed.map_err(|error| Failure::store(&request, &error))? {
        return Err(refuse(&request, Unmoved::Unknown, "invitation"));
    }
    auditing::note(&request, &doors, &caller, Action::InvitationWithdrawn, &id, json!({})).await;
    Ok(HttpResponse::NoContent().finish())
}

/// Accepts an invitation and signs its person in: the answer sets the cookie `session_token`. Whose address is a user's
/// already proves to be them, by their session or their password.
///
/// # Errors
/// 400 for fields that are not as documented, 401 for a user who does not prove to be them, 404 for a token that opens
/// nothing, 429 for too many tries.
#[utoipa::path(post, path = "/api/invitations/accept", tag = "people", security(()), request_body = InvitationToAccept,
    responses((status = 200, description = "Who is signed in now.", body = SessionView),
              (status = 400, description = "Fields are not as documented.", body = crate::api::failure::FailureBody),
              (status = 401, description = "The address is a user's who did not prove to be them.", body = crate::api::failure::FailureBody),
              (status = 403, description = "A page of another site asks.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such invitation, or it was accepted, withdrawn or has run out.", body = crate::api::failure::FailureBody),
              (status = 429, description = "Too many tries; `Retry-After` says when to try again.", body = crate::api::failure::FailureBody),
              (status = 503, description = "Not now.", body = crate::api::failure::FailureBody)))]
pub async fn accept(
    request: HttpRequest,
    doors: web::Data<Doors>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    provenance::same_site(&request, &doors)?;
    let asked: InvitationToAccept = reading::json(&request, &doors, payload).await?;
    let mut problems = Vec::new();
    if !asked.password.as_deref().is_none_or(users::is_password) {
        problems.push(FieldProblem::new("password", PASSWORD));
    }
    if !asked.name.as_deref().is_none_or(users::is_name) {
        problems.push(FieldProblem::new("name", NAME));
    }
    if !problems.is_empty() {
        return Err(Failure::fields(&request, &problems));
    }
    let person = match session_token(&request) {
        Some(_) => signed_in(&request).await.ok(),
        None => None,
    };
    let origin = peer::origin(&request, &doors);
    let InvitationToAccept { token, password, name } = asked;
    let wanted = Acceptance { token, password, name };
    match doors.switchboard.accept_invitation(wanted, person.as_ref(), &origin).await {
        Ok((invitation, opened)) => {
            let user = &opened.standing.user;
            doors
                .switchboard
                .note(&Deed {
                    workspace_id: Some(invitation.workspace_id),
                    actor: Some(format!("user:{}", user.id)),
                    actor_name: Some(user.name.clone()),
                    action: Action::MemberJoined,
                    target: Some(user.id.clone()),
                    ip: Some(origin.ip.to_string()),
                    detail: json!({ "invitation": invitation.id, "role": invitation.role }),
                })
                .await;
            Ok(welcome(HttpResponse::Ok(), &doors, &opened))
        }
        Err(Unaccepted::Unknown) => Err(Failure::not_found(&request, "invitation")),
        Err(Unaccepted::NotThem) => {
            let sentence = "there is an account with this address: sign in first, or give its password";
            Err(Failure::new(&request, Code::Unauthenticated, sentence))
        }
        Err(Unaccepted::NeedsPassword) => Err(Failure::fields(&request, &[FieldProblem::new("password", PASSWORD)])),
        Err(Unaccepted::NotIn(not_in)) => Err(keep_out(&request, not_in)),
    }
}
