//! Who is calling: credentials are looked at before anything else of a request is read.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, COOKIE};
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::future::LocalBoxFuture;

use super::failure::Failure;
use super::{Doors, limiting, provenance};
use crate::domain::browsers;
use crate::domain::errors::{Code, FieldProblem};
use crate::domain::principals::{Permission, Principal};
use crate::usecases::authenticating::{Credential, Person, Stranger};

/// The header by which a caller names the workspace that they mean.
pub const WORKSPACE: &str = "x-tenant-id";

/// What a handler needs of its caller, as a type: `Caller<Read>` is a caller who may read.
pub trait Need: 'static {
    /// The permission.
    const PERMISSION: Permission;
}

macro_rules! needs {
    ($($name:ident)+) => { $(
        #[doc = concat!("Needs [`Permission::", stringify!($name), "`].")]
        #[derive(Debug, Clone, Copy)]
        pub struct $name;
        impl Need for $name {
            const PERMISSION: Permission = Permission::$name;
        }
    )+ };
}

needs! { Chat Read Write Manage Own }

/// A caller who may do what the handler needs.
#[derive(Debug, Clone)]
pub struct Caller<N: Need>(pub Arc<Principal>, PhantomData<N>);

impl<N: Need> Deref for Caller<N> {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.0
    }
}

impl<N: Need> FromRequest for Caller<N> {
    type Error = Failure;
    type Future = LocalBoxFuture<'static, Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { caller(&request).await })
    }
}

/// A user who is signed in, by a session or an access token, in whichever workspaces they belong to.
#[derive(Debug, Clone)]
pub struct SignedIn(pub Person);

impl FromRequest for SignedIn {
    type Error = Failure;
    type Future = LocalBoxFuture<'static, Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { signed_in(&request).await.map(Self) })
    }
}

/// The caller of an endpoint that needs this of them, in the workspace that they name.
///
/// # Errors
/// 401 without a good credential, 400 where a member of several workspaces names none, 404 for a workspace that is none
/// of theirs, 403 for a credential that does not allow this or that another site's page uses, 503 when the store could
/// not be read.
pub async fn caller<N: Need>(request: &HttpRequest) -> Result<Caller<N>, Failure> {
    let named = request.headers().get(WORKSPACE).map(|value| value.to_str().unwrap_or_default().to_ascii_lowercase());
    caller_in(request, named.as_deref()).await
}

/// The same in this workspace.
///
/// # Errors
/// As [`caller`].
pub async fn caller_in<N: Need>(request: &HttpRequest, workspace_id: Option<&str>) -> Result<Caller<N>, Failure> {
    let principal = known(request, workspace_id).await?;
    if principal.may(N::PERMISSION) {
        Ok(Caller(principal, PhantomData))
    } else {
        let sentence =
            format!("this needs the permission {:?}, which this credential does not carry", N::PERMISSION.as_str());
        Err(Failure::new(request, Code::Forbidden, sentence))
    }
}

/// Whoever calls, in this workspace, whatever they may do there.
///
/// # Errors
/// As [`caller`], but for the permission.
pub async fn known(request: &HttpRequest, workspace_id: Option<&str>) -> Result<Arc<Principal>, Failure> {
    let (doors, credential) = presented(request)?;
    let found = doors.switchboard.authenticate(credential, workspace_id).await;
    let principal = found.map_err(|stranger| turn_away(request, &stranger))?;
    guard(request, doors, credential)?;
    limiting::by_caller(request, doors, &principal).await?;
    Ok(principal)
}

/// The user who is signed in.
///
/// # Errors
/// 401 without a good session or access token, 403 for a session that another site's page uses, 503 when the store could
/// not be read.
pub async fn signed_in(request: &HttpRequest) -> Result<Person, Failure> {
    let (doors, credential) = presented(request)?;
    let known = doors.switchboard.person(credential).await;
    let person = known.map_err(|stranger| turn_away(request, &stranger))?;
    guard(request, doors, credential)?;
    Ok(person)
}

/// What a request presents: a bearer's token before a cookie.
fn presented(request: &HttpRequest) -> Result<(&Doors, Credential<'_>), Failure> {
    let Some(doors) = request.app_data::<web::Data<Doors>>() else {
        return Err(Failure::unavailable(request, "the doors are not wired"));
    };
    let credential = match bearer(request) {
        Some(token) => Some(Credential::Bearer(token)),
        None => session_token(request).map(Credential::Session),
    };
    credential.map(|credential| (doors.get_ref(), credential)).ok_or_else(|| Failure::unauthenticated(request))
}

/// A browser sends its cookie for whoever asks it to; a bearer's token only its owner has.
fn guard(request: &HttpRequest, doors: &Doors, credential: Credential<'_>) -> Result<(), Failure> {
    match credential {
        Credential::Bearer(_) => Ok(()),
        Credential::Session(_) => provenance::same_site_to_change(request, doors),
    }
}

fn turn_away(request: &HttpRequest, stranger: &Stranger) -> Failure {
    match stranger {
        Stranger::Unknown => Failure::unauthenticated(request),
        Stranger::WhichWorkspace => {
            let problem = FieldProblem::new(WORKSPACE, "the id of one of your workspaces");
            Failure::fields(request, &[problem])
        }
        Stranger::ForeignWorkspace => Failure::not_found(request, "workspace"),
        Stranger::Store(error) => Failure::store(request, error),
    }
}

/// The token of the session's cookie.
#[must_use]
pub fn session_token(request: &HttpRequest) -> Option<&str> {
    browsers::session_token(request.headers().get_all(COOKIE).filter_map(|value| value.to_str().ok()))
}

/// The token of `Authorization: Bearer …`.
#[must_use]
pub fn bearer(request: &HttpRequest) -> Option<&str> {
    let (scheme, token) = request.headers().get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::bearer;

    #[test]
    fn only_a_bearer_token_counts() {
        for (header, token) in [
            ("Bearer sb_1", Some("sb_1")),
            ("bearer  sb_1 ", Some("sb_1")),
            ("Basic sb_1", None),
            ("Bearer", None),
            ("Bearer ", None),
            ("sb_1", None),
        ] {
            let request = TestRequest::default().insert_header(("authorization", header)).to_http_request();
            assert_eq!(bearer(&request), token, "{header}");
        }
    }
}
