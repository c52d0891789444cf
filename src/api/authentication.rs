//! Who is calling: credentials are looked at before anything else of a request is read.

use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::future::LocalBoxFuture;

use super::Doors;
use super::failure::Failure;
use crate::domain::errors::Code;
use crate::domain::principals::Principal;

/// A caller who may use the workspace's own endpoints.
#[derive(Debug, Clone)]
pub struct Caller(pub Arc<Principal>);

/// A caller with any good key; the handler asks what it may do.
#[derive(Debug, Clone)]
pub struct AnyCaller(pub Arc<Principal>);

impl Caller {
    /// The caller's workspace.
    #[must_use]
    pub fn workspace_id(&self) -> &str {
        &self.0.workspace_id
    }
}

impl FromRequest for Caller {
    type Error = Failure;
    type Future = LocalBoxFuture<'static, Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { workspace_caller(&request).await })
    }
}

impl FromRequest for AnyCaller {
    type Error = Failure;
    type Future = LocalBoxFuture<'static, Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { identify(&request).await.map(AnyCaller) })
    }
}

/// The caller of a workspace's endpoint.
///
/// # Errors
/// 401 without a good key, 403 for the key of one agent, 503 when the store could not be read.
pub async fn workspace_caller(request: &HttpRequest) -> Result<Caller, Failure> {
    let principal = identify(request).await?;
    if principal.is_workspace() {
        Ok(Caller(principal))
    } else {
        Err(Failure::new(request, Code::Forbidden, "this key is for chatting with one agent only"))
    }
}

async fn identify(request: &HttpRequest) -> Result<Arc<Principal>, Failure> {
    let Some(doors) = request.app_data::<web::Data<Doors>>() else {
        return Err(Failure::unavailable(request, "the doors are not wired"));
    };
    let key = bearer(request).ok_or_else(|| Failure::unauthenticated(request))?;
    let found = doors.switchboard.authenticate(key).await.map_err(|error| Failure::store(request, &error))?;
    found.ok_or_else(|| Failure::unauthenticated(request))
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
