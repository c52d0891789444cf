//! Whether a browser asks on another site's behalf. Cookies travel along with such requests, so a cookie alone must not
//! change anything for them.

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::{HOST, ORIGIN};

use super::Doors;
use super::failure::Failure;
use crate::domain::errors::Code;

/// Refuses what a page of another site asks. `Sec-Fetch-Site` says so, which no page can forge; browsers that do not
/// send it name the page's `Origin`, which must be ours. What sends neither is no browser.
///
/// # Errors
/// 403.
pub fn same_site(request: &HttpRequest, doors: &Doors) -> Result<(), Failure> {
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
    let ours = match (header("sec-fetch-site"), header(ORIGIN.as_str())) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let host = header(HOST.as_str()).or_else(|| request.uri().authority().map(|host| host.as_str()));
            let asked = host.filter(|host| !host.is_empty());
            let named = doors.options.public_url.as_deref().and_then(origin_of);
            asked.is_some_and(|host| origin.split_once("://").is_some_and(|(_, of)| of == host))
                || named.as_deref() == Some(origin)
        }
        (None, None) => true,
    };
    if ours {
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

fn origin_of(address: &str) -> Option<String> {
    Some(url::Url::parse(address).ok()?.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::origin_of;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        for (address, origin) in [
            ("https://chat.example.com/base", Some("https://chat.example.com")),
            ("http://127.0.0.1:8080", Some("http://127.0.0.1:8080")),
            ("chat", None),
        ] {
            assert_eq!(origin_of(address).as_deref(), origin);
        }
    }
}
