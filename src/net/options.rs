//! What the operator may set about the way out.

use std::net::SocketAddr;
use std::time::Duration;

/// Settings of a [`super::Client`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Lets addresses from outside reach private networks and this machine: for development only.
    pub allow_private_addresses: bool,
    /// How long a connection may take to come about, name resolution and TLS included.
    pub connect_timeout: Duration,
    /// How long a whole exchange of [`super::Client::send`] may take.
    pub request_timeout: Duration,
    /// How long a download may stand still.
    pub download_idle_timeout: Duration,
    /// The largest response body [`super::Client::send`] accepts, in bytes.
    pub max_response_bytes: u64,
    /// How many redirects to follow; 0 hands the redirect itself back as the answer.
    pub max_redirects: usize,
    /// How many idle connections to keep open per host.
    pub idle_connections_per_host: usize,
    /// How long an idle connection is kept. Shorter than most servers' limit, so that rarely a request meets a
    /// connection that the peer is closing.
    pub idle_connection_timeout: Duration,
    /// What the `User-Agent` header says.
    pub user_agent: String,
    /// Hosts whose addresses are known beforehand: their names are not looked up, and calls without a port go to that of
    /// the address. No setting leads here, only a program that knows the host, as a test does that plays a vendor.
    pub known_hosts: Vec<(String, SocketAddr)>,
    /// Root certificates, in PEM, that count for HTTP beside those of the machine. No setting leads here either.
    pub more_roots: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            allow_private_addresses: false,
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(30),
            download_idle_timeout: Duration::from_secs(30),
            max_response_bytes: 1024 * 1024,
            max_redirects: 0,
            idle_connections_per_host: 256,
            idle_connection_timeout: Duration::from_secs(20),
            user_agent: concat!("switchboard/", env!("CARGO_PKG_VERSION")).to_owned(),
            known_hosts: Vec::new(),
            more_roots: Vec::new(),
        }
    }
}
