//! From where a request comes: the socket's address, or what a proxy of ours says that it saw.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::HttpRequest;
use ipnet::IpNet;

use super::Doors;
use crate::usecases::accounts::Origin;

/// The longest name of a client that is kept, in characters.
const LONGEST_CLIENT: usize = 200;

/// The address that a request comes from. Only proxies of these networks are believed, each about who spoke to it: so
/// what counts is the last one named that is none of them.
#[must_use]
pub fn ip(request: &HttpRequest, trusted: &[IpNet]) -> IpAddr {
    let own = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip());
    let named = request.headers().get_all("x-forwarded-for").filter_map(|value| value.to_str().ok());
    let named: Vec<&str> = named.flat_map(|value| value.split(',')).map(str::trim).collect();
    last_stranger(own, &named, trusted)
}

fn last_stranger(own: IpAddr, named: &[&str], trusted: &[IpNet]) -> IpAddr {
    let believed = |ip: IpAddr| trusted.iter().any(|network| network.contains(&ip.to_canonical()));
    let mut seen = own;
    for name in named.iter().rev() {
        if !believed(seen) {
            break;
        }
        let Ok(ip) = name.parse() else { break };
        seen = ip;
    }
    seen.to_canonical()
}

/// From where somebody asks who has no credential yet.
#[must_use]
pub fn origin(request: &HttpRequest, doors: &Doors) -> Origin {
    let client = request.headers().get("user-agent").and_then(|value| value.to_str().ok()).unwrap_or_default();
    Origin { ip: ip(request, &doors.options.trusted_proxies), client: client.chars().take(LONGEST_CLIENT).collect() }
}

#[cfg(test)]
mod tests {
    use super::last_stranger;

    #[test]
    fn only_proxies_of_ours_are_believed() {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        for (own, named, expected) in [
            ("198.51.100.1", vec![], "198.51.100.1"),
            ("198.51.100.1", vec!["203.0.113.7"], "198.51.100.1"),
            ("10.0.0.1", vec!["203.0.113.7"], "203.0.113.7"),
            ("10.0.0.1", vec!["1.2.3.4", "203.0.113.7"], "203.0.113.7"),
            ("10.0.0.1", vec!["1.2.3.4", "203.0.113.7", "10.0.0.2"], "203.0.113.7"),
            ("10.0.0.1", vec!["10.0.0.3", "10.0.0.2"], "10.0.0.3"),
            ("10.0.0.1", vec!["203.0.113.7", "unknown"], "10.0.0.1"),
            ("::ffff:10.0.0.1", vec!["2001:db8::1"], "2001:db8::1"),
            ("::1", vec!["::ffff:203.0.113.7"], "203.0.113.7"),
        ] {
            let found = last_stranger(own.parse().unwrap(), &named, &trusted);
            assert_eq!(found.to_string(), expected, "{own} {named:?}");
        }
    }
}
