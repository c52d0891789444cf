//! The request id: on every answer, on every log line of the request, and in every error.

use std::future::{Ready, ready};

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage as _, HttpRequest, web};

use super::Doors;

/// The header that carries it.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// A request's id: the caller's own when it is a sane token, else a new one.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

impl FromRequest for RequestId {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(of(request)))
    }
}

/// The id of a request.
#[must_use]
pub fn of(request: &HttpRequest) -> RequestId {
    request.extensions().get::<RequestId>().cloned().unwrap_or_else(|| RequestId(String::new()))
}

/// Gives each request its id and each answer the header.
///
/// # Errors
/// Those of the inner service.
pub async fn attach(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let given = request.headers().get(HEADER).and_then(|value| value.to_str().ok()).filter(|value| is_sane(value));
    let id = match given {
        Some(given) => given.to_owned(),
        None => {
            request.app_data::<web::Data<Doors>>().map(|doors| doors.switchboard.store.clock().id()).unwrap_or_default()
        }
    };
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = next.call(request).await?;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HEADER, value);
    }
    Ok(response)
}

fn is_sane(value: &str) -> bool {
    (8..=128).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::is_sane;

    #[test]
    fn only_plain_tokens_are_taken_over() {
        for (value, sane) in
            [("0198c1d2-7e00-7000", true), ("short", false), ("has space 1", false), ("a\r\nb: c12", false)]
        {
            assert_eq!(is_sane(value), sane, "{value}");
        }
        assert!(!is_sane(&"a".repeat(129)));
    }
}
