//! Which addresses may be dialled. An address that an outsider gave must not reach the operator's own network, so
//! it is checked where it is dialled: in the resolver, and once more for addresses written as numbers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::Trust;

/// Why an address is not dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// Neither `http` nor `https`.
    #[error("only http and https addresses are called")]
    Scheme,
    /// No host to call.
    #[error("the address names no host")]
    Host,
    /// A user name or password in an outsider's address.
    #[error("the address carries credentials")]
    Credentials,
    /// The host is, or resolves to, something that is not on the public internet.
    #[error("the address is not on the public internet")]
    NotPublic,
}

/// Checks what can be known before a name is resolved. `public_only` refuses hosts written as non-public numbers.
pub fn check(address: &Url, trust: Trust, public_only: bool) -> Result<(), Forbidden> {
    if !matches!(address.scheme(), "http" | "https") {
        return Err(Forbidden::Scheme);
    }
    if trust == Trust::Outside && (!address.username().is_empty() || address.password().is_some()) {
        return Err(Forbidden::Credentials);
    }
    let literal = match address.host() {
        None => return Err(Forbidden::Host),
        Some(Host::Domain(_)) => None,
        Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
        Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
    };
    match literal {
        Some(ip) if public_only && !is_public(ip) => Err(Forbidden::NotPublic),
        _ => Ok(()),
    }
}

/// Whether this is a unicast address of the public internet.
#[must_use]
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = matches!(
        (a, b, c),
        // This network, loopback, multicast, and everything reserved up to the broadcast address.
        (0 | 127 | 224..=255, _, _)
            // Shared by carriers (CGNAT), protocol assignments, the 6to4 relay, benchmarks.
            | (100, 64..=127, _)
            | (192, 0, 0)
            | (192, 88, 99)
            | (198, 18 | 19, _)
    );
    !(special || ip.is_private() || ip.is_link_local() || ip.is_documentation())
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    // Only 2000::/3 is handed out as global unicast; v4-mapped, NAT64, unique local, link-local, multicast and
    // loopback addresses all lie outside.
    let global_unicast = a & 0xe000 == 0x2000;
    let special = match a {
        // Protocol assignments, among them Teredo and ORCHID; documentation.
        0x2001 => b < 0x0200 || b == 0x0db8,
        // 6to4 carries a v4 address that nobody checked.
        0x2002 => true,
        // Documentation.
        0x3fff => b < 0x1000,
        _ => false,
    };
    global_unicast && !special
}

/// Resolves names to their public addresses only. The connection dials what this returns, so a name cannot answer
/// with a public address to a check and with a private one to the call.
#[derive(Debug, Clone, Copy)]
pub struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err(Forbidden::NotPublic.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_public_or_not() {
        let cases: &[(bool, &[&str])] = &[
            (true, &["1.1.1.1", "8.8.8.8", "100.63.255.255", "100.128.0.1", "172.15.0.1", "172.32.0.1"]),
            (true, &["192.0.1.1", "198.17.0.1", "198.20.0.1", "223.255.255.254", "169.253.0.1"]),
            (true, &["2606:4700::1111", "2a00:1450::1", "2001:200::1", "2001:4860:4860::8888", "3ffe::1"]),
            (false, &["0.0.0.0", "0.1.2.3", "10.0.0.1", "127.0.0.1", "127.255.0.1", "172.16.0.1", "172.31.9.9"]),
            (false, &["192.168.0.1", "169.254.169.254", "100.64.0.1", "100.127.255.255", "192.0.0.8"]),
            (false, &["192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "198.19.255.1", "192.88.99.1"]),
            (false, &["224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"]),
            (false, &["::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1"]),
            (false, &["64:ff9b:1::1", "100::1", "fc00::1", "fd12:3456::1", "fe80::1", "fec0::1", "ff02::1"]),
            (
                false,
                &["2001::1", "2001:10::1", "2001:20::1", "2001:1ff::1", "2001:db8::1", "2002:7f00:1::1", "3fff::1"],
            ),
        ];
        for (expected, addresses) in cases {
            for address in *addresses {
                let ip: IpAddr = address.parse().expect(address);
                assert_eq!(is_public(ip), *expected, "{address}");
            }
        }
    }

    #[test]
    fn addresses_are_checked_before_anything_is_resolved() {
        use Forbidden::{Credentials, NotPublic, Scheme};
        let cases: &[(&str, Trust, bool, Result<(), Forbidden>)] = &[
            ("https://example.com/hook", Trust::Outside, true, Ok(())),
            ("http://8.8.8.8:8080/", Trust::Outside, true, Ok(())),
            ("ftp://example.com/", Trust::Outside, true, Err(Scheme)),
            ("file:///etc/passwd", Trust::Operator, false, Err(Scheme)),
            ("https://user@example.com/", Trust::Outside, true, Err(Credentials)),
            ("https://:secret@example.com/", Trust::Outside, false, Err(Credentials)),
            ("https://user:secret@example.com/", Trust::Operator, false, Ok(())),
            ("http://127.0.0.1/", Trust::Outside, true, Err(NotPublic)),
            ("http://127.1/", Trust::Outside, true, Err(NotPublic)),
            ("http://0x7f.0.0.1/", Trust::Outside, true, Err(NotPublic)),
            ("http://2130706433/", Trust::Outside, true, Err(NotPublic)),
            ("http://0177.0.0.1/", Trust::Outside, true, Err(NotPublic)),
            ("http://[::ffff:10.0.0.1]/", Trust::Outside, true, Err(NotPublic)),
            ("http://169.254.169.254/latest/meta-data", Trust::Outside, true, Err(NotPublic)),
            ("http://127.0.0.1/", Trust::Outside, false, Ok(())),
            ("http://10.0.0.1/", Trust::Operator, false, Ok(())),
        ];
        for (address, trust, public_only, expected) in cases {
            let url = Url::parse(address).expect(address);
            assert_eq!(check(&url, *trust, *public_only), *expected, "{address} {trust:?}");
        }
    }

    #[tokio::test]
    async fn a_name_that_means_this_machine_resolves_to_nothing() {
        let outcome = PublicOnly.resolve("localhost".parse().expect("a name")).await;
        let error = outcome.err().expect("no address is left");
        assert_eq!(error.downcast_ref::<Forbidden>(), Some(&Forbidden::NotPublic));
    }
}
