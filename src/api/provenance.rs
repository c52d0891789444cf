//! Whether a browser asks on another site's behalf. Cookies travel along with such requests, so a cookie alone must not
//! change anything for them.

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::{HOST, ORIGIN};

use super::Doors;
use super::failure::Failure;
use crate::domain::browsers::Provenance;
use crate::domain::errors::Code;

/// Refuses what a page of another site asks.
///
/// # Errors
/// 403.
pub fn same_site(request: &HttpRequest, doors: &Doors) -> Result<(), Failure> {
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
    let provenance = Provenance {
        site: header("sec-fetch-site"),
        origin: header(ORIGIN.as_str()),
        host: header(HOST.as_str()).or_else(|| request.uri().authority().map(|host| host.as_str())),
        public_url: doors.options.public_url.as_deref(),
    };
    if provenance.is_ours() {
        return Ok(());
    }
    Err(Failure::new(request, Code::Forbidden, "a page of another site may not do this with somebody's session"))
}

/// The same for a method that changes something; the others may be asked from anywhere.
///
/// # Errors
/// 403.
pub fn same_site_to_change(request: &HttpRequest, doors: &Doors) -> Result<(), Failure> {
    match *request.method() {
        Method::GET | Method::HEAD | Method::OPTIONS => Ok(()),
        _ => same_site(request, doors),
    }
}
