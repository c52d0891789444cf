//! The public address of a callback, as the vendor called it: some vendors sign it. It takes what the socket saw and
//! normalises nothing, for a signature covers every character.

/// What the door knows of a request.
#[derive(Debug, Clone, Copy)]
pub struct Knock<'a> {
    /// The raw request target: path and query, undecoded; or a whole address, as some proxies send it.
    pub target: &'a str,
    /// The headers in order, names in lower case.
    pub headers: &'a [(String, Vec<u8>)],
    /// Where the world reaches this installation, by its configuration; with the path prefix that a proxy strips.
    pub public_base: Option<&'a str>,
    /// The peer is a proxy whose `X-Forwarded-…` headers may be believed.
    pub trusted_proxy: bool,
    /// The socket itself speaks TLS.
    pub secure: bool,
}

/// The address as the vendor called it: the configured base before everything else; then, from a trusted proxy only,
/// its headers; then the `Host` header and the socket. `None` when there is neither base nor host.
#[must_use]
pub fn public_address(knock: &Knock<'_>) -> Option<String> {
    let target = path_and_query(knock.target);
    if let Some(base) = knock.public_base {
        return Some(format!("{}{target}", base.trim_end_matches('/')));
    }
    let forwarded = |name: &str| knock.trusted_proxy.then(|| first(knock.headers, name)).flatten();
    let socket = if knock.secure { "https" } else { "http" };
    let scheme = forwarded("x-forwarded-proto").unwrap_or(socket);
    let host = forwarded("x-forwarded-host").or_else(|| first(knock.headers, "host"))?;
    let standard = if scheme.eq_ignore_ascii_case("https") { "443" } else { "80" };
    let port = forwarded("x-forwarded-port").filter(|port| *port != standard && is_port(port) && !has_port(host));
    Some(match port {
        Some(port) => format!("{scheme}://{host}:{port}{target}"),
        None => format!("{scheme}://{host}{target}"),
    })
}

/// The target without scheme and authority, and without a fragment.
fn path_and_query(target: &str) -> &str {
    let target = target.split('#').next().unwrap_or_default();
    if target.starts_with('/') {
        return target;
    }
    let Some((_, rest)) = target.split_once("://") else { return target };
    rest.find(['/', '?']).and_then(|at| rest.get(at..)).unwrap_or("/")
}

/// The first value of a header that may be a list.
fn first<'a>(headers: &'a [(String, Vec<u8>)], name: &str) -> Option<&'a str> {
    let (_, value) = headers.iter().find(|(known, _)| known == name)?;
    let value = std::str::from_utf8(value).ok()?.split(',').next()?.trim();
    (!value.is_empty()).then_some(value)
}

fn is_port(port: &str) -> bool {
    port.parse::<u16>().is_ok()
}

/// Whether a host already names its port; the colons of an IPv6 address stand in brackets.
fn has_port(host: &str) -> bool {
    host.rsplit(']').next().is_some_and(|rest| rest.contains(':'))
}
