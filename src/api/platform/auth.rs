//! `/api/auth`: people make an account, sign in and out, and change their password. The session is a cookie.

use actix_web::http::header::SET_COOKIE;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use crate::api::authentication::{SignedIn, session_token};
use crate::api::failure::{Failure, no_such_method};
use crate::api::{Doors, peer, provenance, reading};
use crate::domain::browsers::SESSION_COOKIE;
use crate::domain::contacts;
use crate::domain::errors::{Code, FieldProblem};
use crate::domain::members::Role;
use crate::domain::users::{self, User};
use crate::domain::workspaces;
use crate::usecases::accounts::{NewAccount, NotIn, Opened};
use crate::usecases::authenticating::{Credential, Stranger};
use crate::usecases::directory::Standing;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    let resource = |word: &str| web::resource(format!("/api/auth/{word}"));
    services
        .service(resource("sign-up").route(web::post().to(sign_up)).default_service(web::route().to(no_such_method)))
        .service(resource("sign-in").route(web::post().to(sign_in)).default_service(web::route().to(no_such_method)))
        .service(resource("sign-out").route(web::post().to(sign_out)).default_service(web::route().to(no_such_method)))
        .service(resource("session").route(web::get().to(session)).default_service(web::route().to(no_such_method)))
        .service(resource("password").route(web::post().to(password)).default_service(web::route().to(no_such_method)));
}

/// An account to make.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountToMake {
    /// Email address.
    #[schema(format = "email", example = "jane@example.com")]
    email: String,
    /// 8 to 512 characters.
    #[schema(min_length = 8, max_length = 512, pattern = r"^[^\x00]*$", example = "correct horse battery staple", format = Password)]
    password: String,
    /// Display name, 1 to 200 characters.
    #[schema(format = "name", max_length = 200, example = "Jane Doe")]
    name: String,
    /// Name of the first workspace; absent: one is made up.
    #[schema(format = "name", max_length = 200, example = "Jane's shop")]
    workspace_name: Option<String>,
}

/// Who signs in.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// Email address.
    #[schema(format = "email", example = "jane@example.com")]
    email: String,
    /// The password.
    #[schema(example = "correct horse battery staple", format = Password)]
    password: String,
}

/// Another password.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    /// The current one; absent where there is none.
    #[serde(default)]
    #[schema(example = "correct horse battery staple", format = Password)]
    current_password: String,
    /// The new one, 8 to 512 characters.
    #[schema(min_length = 8, max_length = 512, pattern = r"^[^\x00]*$", example = "purple lamp seven rivers", format = Password)]
    new_password: String,
}

/// Who is signed in.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SessionView {
    /// The user.
    pub user: UserView,
    /// Their workspaces, the first joined first. Send the id of one as `x-tenant-id`.
    pub workspaces: Vec<OwnWorkspace>,
    /// When the session, or the access token, runs out, Unix milliseconds.
    #[schema(example = 1_769_817_600_000_i64)]
    pub expires_at: i64,
}

/// A user.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = User)]
pub struct UserView {
    /// UUID.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000010")]
    pub id: String,
    /// Email address, lower case.
    #[schema(example = "jane@example.com")]
    pub email: Option<String>,
    /// Phone number in E.164.
    #[schema(example = "+14155551234")]
    pub phone: Option<String>,
    /// Display name.
    #[schema(example = "Jane Doe")]
    pub name: String,
}

/// A workspace of the caller's.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct OwnWorkspace {
    /// UUID.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000001")]
    pub id: String,
    /// Its name.
    #[schema(example = "Jane's shop")]
    pub name: String,
    /// What the caller is there; null for a key.
    pub role: Option<Role>,
    /// Its plan.
    #[schema(example = "free")]
    pub plan: String,
}

impl SessionView {
    fn new(standing: &Standing, expires_at: i64) -> Self {
        let User { id, email, phone, name, .. } = standing.user.clone();
        Self { user: UserView { id, email, phone, name }, workspaces: own_workspaces(standing), expires_at }
    }
}

/// The workspaces of a user.
pub fn own_workspaces(standing: &Standing) -> Vec<OwnWorkspace> {
    let view = |one: &crate::domain::members::Membership| OwnWorkspace {
        id: one.workspace_id.clone(),
        name: one.workspace.clone(),
        role: Some(one.role),
        plan: one.plan.clone(),
    };
    standing.memberships.iter().map(view).collect()
}

/// Makes an account with a workspace of its own, and signs it in: the answer sets the cookie `session_token`. The
/// operator's setting `security.sign_up` says who may.
///
/// # Errors
/// 400 for fields that are not as documented, 403 where accounts are not made like this, 409 when the address or the
/// workspace's name is taken, 429 for too many tries.
#[utoipa::path(post, path = "/api/auth/sign-up", tag = "people", security(()), request_body = AccountToMake,
    responses((status = 201, description = "Who is signed in now.", body = SessionView),
              (status = 400, description = "Fields are not as documented.", body = crate::api::failure::FailureBody),
              (status = 403, description = "Accounts are not made like this here.", body = crate::api::failure::FailureBody),
              (status = 409, description = "The address or the workspace's name is taken.", body = crate::api::failure::FailureBody),
              (status = 429, description = "Too many tries; `Retry-After` says when to try again.", body = crate::api::failure::FailureBody),
              (status = 503, description = "Not now.", body = crate::api::failure::FailureBody)))]
pub async fn sign_up(
    request: HttpRequest,
    doors: web::Data<Doors>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    provenance::same_site(&request, &doors)?;
    let asked: AccountToMake = reading::json(&request, &doors, payload).await?;
    let email = contacts::email(&asked.email);
    let mut problems = Vec::new();
    let mut demand = |fine: bool, field: &str, expected: &str| {
        if !fine {
            problems.push(FieldProblem::new(field, expected));
        }
    };
    demand(email.is_some(), "email", "an email address");
    demand(users::is_password(&asked.password), "password", PASSWORD);
    demand(users::is_name(&asked.name), "name", NAME);
    demand(asked.workspace_name.as_deref().is_none_or(workspaces::is_name), "workspace_name", NAME);
    let Some(email) = email.filter(|_| problems.is_empty()) else { return Err(Failure::fields(&request, &problems)) };
    let AccountToMake { password, name, workspace_name, .. } = asked;
    let wanted = NewAccount { email, password, name, workspace_name };
    let opened = doors.switchboard.sign_up(wanted, &peer::origin(&request, &doors)).await;
    let opened = opened.map_err(|not_in| keep_out(&request, not_in))?;
    Ok(welcome(HttpResponse::Created(), &doors, &opened))
}

/// Signs somebody in by email address and password: the answer sets the cookie `session_token`.
///
/// # Errors
/// 400 for fields that are not as documented, 401 when address and password do not belong together, 429 for too many
/// tries; each says the same whether or not there is such an account.
#[utoipa::path(post, path = "/api/auth/sign-in", tag = "people", security(()), request_body = SignIn,
    responses((status = 200, description = "Who is signed in now.", body = SessionView),
              (status = 400, description = "Fields are not as documented.", body = crate::api::failure::FailureBody),
              (status = 401, description = "Address and password do not belong together.", body = crate::api::failure::FailureBody),
              (status = 403, description = "A page of another site asks.", body = crate::api::failure::FailureBody),
              (status = 429, description = "Too many tries; `Retry-After` says when to try again.", body = crate::api::failure::FailureBody),
              (status = 503, description = "Not now.", body = crate::api::failure::FailureBody)))]
pub async fn sign_in(
    request: HttpRequest,
    doors: web::Data<Doors>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    provenance::same_site(&request, &doors)?;
    let asked: SignIn = reading::json(&request, &doors, payload).await?;
    let Some(email) = contacts::email(&asked.email) else {
        return Err(Failure::fields(&request, &[FieldProblem::new("email", "an email address")]));
    };
    // What no password can be is looked at all the same, cut to what one could be, so that the answer takes as long.
    let password: String = asked.password.chars().take(*users::PASSWORD_LENGTH.end()).collect();
    let opened = doors.switchboard.sign_in(&email, &password, &peer::origin(&request, &doors)).await;
    let opened = opened.map_err(|not_in| keep_out(&request, not_in))?;
    Ok(welcome(HttpResponse::Ok(), &doors, &opened))
}

/// Ends the session of the cookie, where there is one, and takes the cookie back.
///
/// # Errors
/// 403 when a page of another site asks.
#[utoipa::path(post, path = "/api/auth/sign-out", tag = "people", security(()),
    responses((status = 204, description = "Nobody is signed in by this cookie any more."),
              (status = 403, description = "A page of another site asks.", body = crate::api::failure::FailureBody),
              (status = 503, description = "Not now.", body = crate::api::failure::FailureBody)))]
pub async fn sign_out(request: HttpRequest, doors: web::Data<Doors>) -> Result<HttpResponse, Failure> {
    provenance::same_site(&request, &doors)?;
    if let Some(token) = session_token(&request) {
        let origin = peer::origin(&request, &doors);
        match doors.switchboard.person(Credential::Session(token)).await {
            Ok(person) => {
                let done = doors.switchboard.sign_out(&person, &origin).await;
                done.map_err(|error| Failure::store(&request, &error))?;
            }
            Err(Stranger::Store(error)) => return Err(Failure::store(&request, &error)),
            Err(_) => {}
        }
    }
    Ok(HttpResponse::NoContent().insert_header((SET_COOKIE, cookie(&doors, "", 0))).finish())
}

/// Says who is signed in, by a session or by an access token.
///
/// # Errors
/// 401 when nobody is.
#[utoipa::path(get, path = "/api/auth/session", tag = "people", security(("session" = []), ("token" = [])),
    responses((status = 200, description = "Who is signed in.", body = SessionView)))]
pub async fn session(caller: SignedIn) -> HttpResponse {
    HttpResponse::Ok().json(SessionView::new(&caller.0.standing, caller.0.expires_at))
}

/// Changes the password of who is signed in. Their other sessions and all their access tokens end.
///
/// # Errors
/// 400 for fields that are not as documented and for a current password that is another one, 401 when nobody is signed
/// in, 429 for too many tries.
#[utoipa::path(post, path = "/api/auth/password", tag = "people", security(("session" = []), ("token" = [])),
    request_body = NewPassword,
    responses((status = 204, description = "It is changed."),
              (status = 400, description = "Fields are not as documented, or the current password is another one.", body = crate::api::failure::FailureBody),
              (status = 429, description = "Too many tries; `Retry-After` says when to try again.", body = crate::api::failure::FailureBody)))]
pub async fn password(
    request: HttpRequest,
    caller: SignedIn,
    doors: web::Data<Doors>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let asked: NewPassword = reading::json(&request, &doors, payload).await?;
    if !users::is_password(&asked.new_password) {
        return Err(Failure::fields(&request, &[FieldProblem::new("new_password", PASSWORD)]));
    }
    let origin = peer::origin(&request, &doors);
    let current = asked.current_password.as_str();
    let changed = doors.switchboard.change_password(&caller.0, current, &asked.new_password, &origin).await;
    match changed {
        Ok(()) => Ok(HttpResponse::NoContent().finish()),
        Err(NotIn::Wrong) => {
            Err(Failure::fields(&request, &[FieldProblem::new("current_password", "the current password")]))
        }
        Err(not_in) => Err(keep_out(&request, not_in)),
    }
}

/// What a password must be.
pub const PASSWORD: &str = "a password of 8 to 512 characters";
/// What a name must be.
pub const NAME: &str = "a name of 1 to 200 characters, without blanks at its ends";

/// The answer that signs somebody in.
pub fn welcome(mut response: actix_web::HttpResponseBuilder, doors: &Doors, opened: &Opened) -> HttpResponse {
    let left = (opened.expires_at - doors.switchboard.now()) / 1_000;
    response
        .insert_header((SET_COOKIE, cookie(doors, &opened.token, left)))
        .json(SessionView::new(&opened.standing, opened.expires_at))
}

/// The cookie that holds a session's token for so many seconds. A token is letters, digits, `-` and `_`.
fn cookie(doors: &Doors, token: &str, seconds: i64) -> String {
    let secure = if doors.options.secure_cookies { "; Secure" } else { "" };
    format!("{SESSION_COOKIE}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
}

/// Why somebody was not let in, in the envelope.
pub fn keep_out(request: &HttpRequest, not_in: NotIn) -> Failure {
    match not_in {
        NotIn::TooOften(wait) => too_often(request, wait.0),
        NotIn::Wrong => Failure::new(request, Code::Unauthenticated, "address and password do not belong together"),
        NotIn::Closed => Failure::new(
            request,
            Code::Forbidden,
            "accounts and workspaces are not made like this here: ask for an invitation",
        ),
        NotIn::Taken(what) => Failure::new(request, Code::Conflict, what),
        NotIn::KeyMismatch => Failure::key_mismatch(request),
        NotIn::Unavailable(reason) => Failure::unavailable(request, &reason),
    }
}

/// Too many tries.
pub fn too_often(request: &HttpRequest, seconds: i64) -> Failure {
    let sentence = format!("too many tries; try again in {seconds} seconds");
    Failure::new(request, Code::RateLimited, sentence).after(seconds)
}
