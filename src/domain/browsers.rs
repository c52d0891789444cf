//! What browsers say of themselves with a request: whose session it is, and whether a page of another site has it made.

/// The cookie that carries a session's token.
pub const SESSION_COOKIE: &str = "session_token";

/// The token of the session's cookie, among the values of the `Cookie` headers.
#[must_use]
pub fn session_token<'a>(headers: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut pairs = headers.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == SESSION_COOKIE).map(|(_, token)| token).filter(|token| !token.is_empty())
}

/// Where a request says that it comes from and goes to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Provenance<'a> {
    /// Value of `Sec-Fetch-Site`.
    pub site: Option<&'a str>,
    /// Value of `Origin`.
    pub origin: Option<&'a str>,
    /// The host that was asked.
    pub host: Option<&'a str>,
    /// Where everybody reaches the gateway.
    pub public_url: Option<&'a str>,
}

impl Provenance<'_> {
    /// Whether no page of another site has the request made. `Sec-Fetch-Site` says so, which no page can forge; browsers
    /// that do not send it name the page's `Origin`, which must be ours. What sends neither is no browser.
    #[must_use]
    pub fn is_ours(self) -> bool {
        match (self.site, self.origin) {
            (Some(site), _) => matches!(site, "same-origin" | "none"),
            (None, Some(origin)) => {
                let asked = self.host.filter(|host| !host.is_empty());
                asked.is_some_and(|host| origin.split_once("://").is_some_and(|(_, of)| of == host))
                    || self.public_url.and_then(origin_of).as_deref() == Some(origin)
            }
            (None, None) => true,
        }
    }
}

fn origin_of(address: &str) -> Option<String> {
    Some(url::Url::parse(address).ok()?.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use super::{Provenance, origin_of, session_token};

    #[test]
    fn the_session_is_found_among_the_cookies() {
        for (header, token) in [
            ("session_token=abc", Some("abc")),
            ("theme=dark; session_token=abc; other=1", Some("abc")),
            ("xsession_token=abc", None),
            ("session_token=", None),
            ("session_token", None),
        ] {
            assert_eq!(session_token([header].into_iter()), token, "{header}");
        }
    }

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

    #[test]
    fn a_page_of_another_site_is_recognised() {
        let public_url = Some("https://chat.example.com/base");
        for (site, origin, host, ours) in [
            (None, None, None, true),
            (Some("same-origin"), Some("https://x.example"), None, true),
            (Some("none"), None, None, true),
            (Some("cross-site"), None, Some("127.0.0.1:8080"), false),
            (Some("same-site"), Some("http://127.0.0.1:8080"), Some("127.0.0.1:8080"), false),
            (None, Some("http://127.0.0.1:8080"), Some("127.0.0.1:8080"), true),
            (None, Some("https://chat.example.com"), Some("127.0.0.1:8080"), true),
            (None, Some("https://evil.example"), Some("127.0.0.1:8080"), false),
            (None, Some("null"), Some(""), false),
        ] {
            let provenance = Provenance { site, origin, host, public_url };
            assert_eq!(provenance.is_ours(), ours, "{provenance:?}");
        }
    }
}
