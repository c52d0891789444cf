//! Who is calling: credentials are looked at before anything else of a request is read.

use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::future::LocalBoxFuture;

use super::Doors;
use super::failure::Failure;
use crate::domain::errors::Code;
use crate::domain::principals::{Permission, Principal};

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

/// The caller of an endpoint that needs this of them.
///
/// # Errors
/// 401 without a good credential, 403 for one that does not allow this, 503 when the store could not be read.
pub async fn caller<N: Need>(request: &HttpRequest) -> Result<Caller<N>, Failure> {
    let principal = identify(request).await?;
    if principal.may(N::PERMISSION) {
        Ok(Caller(principal, PhantomData))
    } else {
        let sentence =
            format!("this needs the permission {:?}, which this credential does not carry", N::PERMISSION.as_str());
        Err(Failure::new(request, Code::Forbidden, sentence))
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
