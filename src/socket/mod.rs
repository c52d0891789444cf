//! The WebSocket door: a visitor's line into their conversation, as `docs/widget-protocol.md` says, and a member's line
//! into the events of the workspace, as `docs/live-events.md` does. It keeps nothing that is not in the store: a line that
//! breaks is opened again from the last sequence number its client has seen.

mod allowance;
mod frames;
mod line;
mod live;
mod visible;
mod visit;

use std::time::Duration;

use actix_web::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use actix_web::{Error, HttpRequest, HttpResponse, web};
use actix_web_actors::ws;

use crate::domain::browsers::{self, Provenance};
use crate::net::Client;
use crate::usecases::Switchboard;
use line::Line;
use live::{Live, Opening, Presented};

/// Largest message of a client, in bytes.
const LARGEST_FRAME: usize = 64 * 1024;

/// How the door behaves.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long a client may take for its first frame.
    pub hello_within: Duration,
    /// How often a line is pinged and looked at; the client is told to do the same.
    pub heartbeat: Duration,
    /// A line that was silent for so long is closed.
    pub silence: Duration,
    /// Messages that a visitor may send at once.
    pub burst: u16,
    /// Messages a second that a visitor may go on sending.
    pub rate: u16,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            hello_within: Duration::from_secs(10),
            heartbeat: Duration::from_secs(25),
            silence: Duration::from_secs(60),
            burst: 20,
            rate: 5,
        }
    }
}

/// What every line may use.
#[derive(Clone)]
pub struct State {
    /// The product.
    pub switchboard: Switchboard,
    /// The way to the vendors, for typing signs.
    pub client: Client,
    /// How the door behaves.
    pub options: Options,
}

/// Adds the door's address to an application.
pub fn configure(state: &State, services: &mut web::ServiceConfig) {
    services
        .app_data(web::Data::new(state.clone()))
        .route("/api/widget/socket", web::get().to(open))
        .route("/api/ws", web::get().to(open_live));
}

async fn open(request: HttpRequest, body: web::Payload, state: web::Data<State>) -> Result<HttpResponse, Error> {
    let origin = request.headers().get(ORIGIN).map(|origin| String::from_utf8_lossy(origin.as_bytes()).into());
    ws::WsResponseBuilder::new(Line::new(state, origin), &request, body).frame_size(LARGEST_FRAME).start()
}

async fn open_live(request: HttpRequest, body: web::Payload, state: web::Data<State>) -> Result<HttpResponse, Error> {
    let opening = Opening::of(request.query_string(), presented(&request, &state));
    ws::WsResponseBuilder::new(Live::new(state, opening), &request, body).frame_size(LARGEST_FRAME).start()
}

/// A bearer's token before a cookie. Browsers send cookies for the pages of any site, so a session counts for ours alone.
fn presented(request: &HttpRequest, state: &State) -> Option<Presented> {
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
    let bearer = header(AUTHORIZATION.as_str()).and_then(|value| value.split_once(' '));
    if let Some((_, token)) = bearer.filter(|(kind, _)| kind.eq_ignore_ascii_case("bearer")) {
        return Some(Presented::Bearer(token.trim().into()));
    }
    let provenance = Provenance {
        site: header("sec-fetch-site"),
        origin: header(ORIGIN.as_str()),
        host: header(HOST.as_str()).or_else(|| request.uri().authority().map(|host| host.as_str())),
        public_url: state.switchboard.options.public_url.as_deref(),
    };
    let cookies = request.headers().get_all(COOKIE).filter_map(|value| value.to_str().ok());
    let session = browsers::session_token(cookies).filter(|_| provenance.is_ours());
    session.map(|token| Presented::Session(token.into()))
}

#[cfg(test)]
mod tests;
