//! A document is fetched from the web: from public addresses only, with the consent of the site's `robots.txt`, and
//! every redirect judged like the first address.

use std::time::Duration;

use bytes::Bytes;
use switchboard_channels::contract::request::{Body, Method, Request};
use texting_robots::Robot;
use url::Url;

use super::{LARGEST_DOCUMENT, Unread};
use crate::net::{Arriving, Client, NetErrorKind};

/// The name under which sites may address us in their `robots.txt`.
const ROBOT: &str = "switchboard";
/// Most redirects that are followed.
const MOST_REDIRECTS: usize = 5;
/// Longest time that an answer may take, its body included.
const LONGEST: Duration = Duration::from_secs(30);
/// Most of a `robots.txt` that is read, in bytes.
const LARGEST_ROBOTS: u64 = 512 * 1024;

/// A document from the web.
#[derive(Debug)]
pub struct Fetched {
    /// What the server says that it is, with its parameters.
    pub content_type: String,
    /// Its bytes.
    pub body: Bytes,
    /// Where it was found in the end.
    pub address: Url,
}

/// Where an address leads.
enum Hop {
    Here(Arriving),
    Elsewhere(Url),
}

/// Fetches a document through `client`, which reaches public addresses only.
pub async fn fetch(client: &Client, address: &str) -> Result<Fetched, Unread> {
    let mut address = Url::parse(address).map_err(|_| Unread::never("the address cannot be read"))?;
    for _ in 0..=MOST_REDIRECTS {
        consent(client, &address).await?;
        match within(hop(client, &address)).await? {
            Hop::Elsewhere(next) => address = next,
            Hop::Here(mut arriving) => {
                let status = arriving.status();
                if !(200..300).contains(&status) {
                    let reason = format!("the address answered {status}");
                    let passing = status == 408 || status == 429 || status >= 500;
                    return Err(if passing { Unread::soon(reason) } else { Unread::never(&reason) });
                }
                let content_type = arriving.header("content-type").unwrap_or_default().to_owned();
                let body = within(async { arriving.rest(LARGEST_DOCUMENT).await.map_err(Unread::from) }).await?;
                return Ok(Fetched { content_type, body, address });
            }
        }
    }
    Err(Unread::never("the address leads on and on"))
}

/// Asks the site whether we may: a site without a `robots.txt` does not mind, one that cannot say is asked later.
async fn consent(client: &Client, address: &Url) -> Result<(), Unread> {
    let mut place = address.join("/robots.txt").map_err(|_| Unread::never("the address cannot be read"))?;
    for _ in 0..=MOST_REDIRECTS {
        match within(hop(client, &place)).await? {
            Hop::Elsewhere(next) => place = next,
            Hop::Here(arriving) if arriving.status() >= 500 || arriving.status() == 429 => {
                return Err(Unread::soon(format!("the site's robots.txt answered {}", arriving.status())));
            }
            Hop::Here(arriving) if !(200..300).contains(&arriving.status()) => return Ok(()),
            Hop::Here(mut arriving) => {
                let rules = within(async { arriving.rest(LARGEST_ROBOTS).await.map_err(Unread::from) }).await?;
                let allowed = Robot::new(ROBOT, &rules).is_ok_and(|robot| robot.allowed(address.as_str()));
                return if allowed { Ok(()) } else { Err(Unread::never("the site's robots.txt does not allow it")) };
            }
        }
    }
    Err(Unread::never("the site's robots.txt leads on and on"))
}

async fn hop(client: &Client, address: &Url) -> Result<Hop, Unread> {
    client.check_address(address.as_str()).map_err(|error| Unread::never(&error.message))?;
    let accept = "text/html, application/xhtml+xml, text/markdown, text/plain, application/pdf";
    let request = Request { method: Method::Get, url: address.to_string(), authorisation: None, body: Body::Empty };
    let arriving = client.open(&request, &[("accept", accept)]).await?;
    if !(300..400).contains(&arriving.status()) {
        return Ok(Hop::Here(arriving));
    }
    let next = arriving.header("location").and_then(|location| address.join(location).ok());
    next.map(Hop::Elsewhere).ok_or_else(|| Unread::never("the address leads nowhere"))
}

async fn within<T>(work: impl Future<Output = Result<T, Unread>>) -> Result<T, Unread> {
    tokio::time::timeout(LONGEST, work)
        .await
        .unwrap_or_else(|_| Err(Unread::soon("the address does not answer".into())))
}

impl From<crate::net::NetError> for Unread {
    fn from(error: crate::net::NetError) -> Self {
        match error.kind {
            NetErrorKind::TooLarge => Self::never(&format!("the document is larger than {LARGEST_DOCUMENT} bytes")),
            _ => Self::soon(error.message),
        }
    }
}
