//! `/api/webhooks/{kind}[/{channel_id}]`: the handshake and live traffic on the same route, for every vendor.

use actix_web::{HttpRequest, HttpResponse, web};
use switchboard_channels::Kind;
use switchboard_channels::contract::address;
use switchboard_channels::contract::vendor::{Delivery, HandshakeRefusal};

use crate::api::Doors;
use crate::api::failure::Failure;
use crate::api::reading;
use crate::domain::errors::Code;
use crate::usecases::channels::is_rehearsal;
use crate::usecases::receiving::{Knock, Turned};

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    for kind in Kind::ALL.iter().filter(|kind| !kind.is_ours()) {
        let base = format!("/api/webhooks/{}", kind.as_str());
        let of_one = web::resource(format!("{base}/{{channel_id}}"))
            .route(web::get().to(knock_at_one))
            .route(web::post().to(deliver_to_one));
        let of_all = web::resource(base).route(web::get().to(knock)).route(web::post().to(deliver));
        for resource in [of_one, of_all] {
            let refusing = web::route().to(crate::api::failure::no_such_method);
            services.service(resource.app_data(*kind).default_service(refusing));
        }
    }
}

fn kind(request: &HttpRequest) -> Result<Kind, Failure> {
    request.app_data::<Kind>().copied().ok_or_else(|| Failure::not_found(request, "channel"))
}

/// A GET is a handshake, but from the vendors that deliver by it.
async fn knock(request: HttpRequest, doors: web::Data<Doors>, payload: web::Payload) -> Result<HttpResponse, Failure> {
    if kind(&request)?.protocol().delivers_by_get {
        return deliver(request, doors, payload).await;
    }
    handshake(request, doors).await
}

/// The same at the address of one channel.
async fn knock_at_one(
    request: HttpRequest,
    doors: web::Data<Doors>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    if kind(&request)?.protocol().delivers_by_get {
        return deliver_to_one(request, doors, payload).await;
    }
    handshake_of_one(request, doors).await
}

/// Answers the vendor's handshake.
///
/// # Errors
/// 400 for a missing parameter, 403 for a wrong token, 404 for an unknown channel.
#[utoipa::path(get, path = "/api/webhooks/{kind}", tag = "callbacks", security(()),
    params(("kind" = Kind, Path, description = "The kind of channel."),
           ("hub.mode" = Option<String>, Query, description = "`subscribe`."),
           ("hub.verify_token" = Option<String>, Query, description = "The channel's verify token."),
           ("hub.challenge" = Option<String>, Query, description = "Echoed when the token is right.")),
    responses((status = 200, description = "The challenge.", body = String, content_type = "text/plain"),
              (status = 400, description = "A parameter is missing.", body = crate::api::failure::FailureBody),
              (status = 401, description = "Where vendors deliver by GET: no secret of ours signed it.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such kind of channel, or no such channel.", body = crate::api::failure::FailureBody),
              (status = 403, description = "The token is wrong.", body = crate::api::failure::FailureBody)))]
pub async fn handshake(request: HttpRequest, doors: web::Data<Doors>) -> Result<HttpResponse, Failure> {
    let kind = kind(&request)?;
    let query: Vec<(String, String)> =
        url::form_urlencoded::parse(request.query_string().as_bytes()).into_owned().collect();
    let directory = &doors.switchboard.directory;
    let named = request.match_info().get("channel_id");
    let accounts = match named {
        Some(id) => {
            let found = directory.channel(id).await.map_err(|error| Failure::store(&request, &error))?;
            let found = found.filter(|account| account.channel.kind == kind);
            vec![found.ok_or_else(|| Failure::not_found(&request, "channel"))?]
        }
        None => directory.channels_of_kind(kind).await.map_err(|error| Failure::store(&request, &error))?,
    };
    let mut refusal = HandshakeRefusal::Forbidden;
    let vendors = accounts.iter().filter_map(|account| account.vendor.as_ref().ok());
    for vendor in vendors {
        match vendor.handshake(&query) {
            Ok(challenge) => {
                if !is_rehearsal(&challenge) {
                    directory.note_handshake(kind, named, true);
                }
                return Ok(HttpResponse::Ok()
                    .content_type("text/plain; charset=utf-8")
                    .insert_header(("X-Content-Type-Options", "nosniff"))
                    .body(challenge));
            }
            Err(other) => refusal = other,
        }
    }
    Err(match refusal {
        HandshakeRefusal::Missing(parameter) => Failure::fields(
            &request,
            &[crate::domain::errors::FieldProblem::new(parameter, "the value that the vendor sends")],
        ),
        HandshakeRefusal::Forbidden => {
            directory.note_handshake(kind, named, false);
            Failure::new(&request, Code::Forbidden, "the verify token is not that of a channel here")
        }
    })
}

/// Answers the vendor's handshake at the address of one channel, by that channel's verify token only. Vendors that
/// deliver by GET have no handshake: their GET is a delivery.
///
/// # Errors
/// 400 for a missing parameter, 403 for a wrong token, 404 for an unknown channel.
#[utoipa::path(get, path = "/api/webhooks/{kind}/{channel_id}", tag = "callbacks", security(()),
    params(("kind" = Kind, Path, description = "The kind of channel."),
           ("channel_id" = String, Path, description = "The channel, of this kind."),
           ("hub.mode" = Option<String>, Query, description = "`subscribe`."),
           ("hub.verify_token" = Option<String>, Query, description = "The channel's verify token."),
           ("hub.challenge" = Option<String>, Query, description = "Echoed when the token is right.")),
    responses((status = 200, description = "The challenge.", body = String, content_type = "text/plain"),
              (status = 400, description = "A parameter is missing.", body = crate::api::failure::FailureBody),
              (status = 401, description = "Of a vendor that delivers by GET: no secret of the channel signed it.", body = crate::api::failure::FailureBody),
              (status = 403, description = "The token is wrong.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such channel of this kind.", body = crate::api::failure::FailureBody)))]
pub async fn handshake_of_one(request: HttpRequest, doors: web::Data<Doors>) -> Result<HttpResponse, Failure> {
    handshake(request, doors).await
}

/// Takes a delivery for one channel, by that channel's secrets only. 200 means that everything in it is committed or has
/// its visible outcome; the body is what the vendor wants to read.
///
/// # Errors
/// As without the channel, and 404 for an unknown channel.
#[utoipa::path(post, path = "/api/webhooks/{kind}/{channel_id}", tag = "callbacks", security(()),
    params(("kind" = Kind, Path, description = "The kind of channel."),
           ("channel_id" = String, Path, description = "The channel, of this kind.")),
    request_body(content = serde_json::Value, description = "The vendor's delivery, signed in the vendor's way."),
    responses((status = 200, description = "Committed."),
              (status = 400, description = "Signed, but not of the vendor's shape.", body = crate::api::failure::FailureBody),
              (status = 401, description = "No secret of the channel signed it.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such channel of this kind.", body = crate::api::failure::FailureBody),
              (status = 408, description = "The body did not arrive.", body = crate::api::failure::FailureBody),
              (status = 413, description = "Too large.", body = crate::api::failure::FailureBody),
              (status = 503, description = "Could not be written down; come again.", body = crate::api::failure::FailureBody)))]
pub async fn deliver_to_one(
    request: HttpRequest,
    doors: web::Data<Doors>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    deliver(request, doors, payload).await
}

/// Takes a delivery. 200 means that everything in it is committed or has its visible outcome.
///
/// # Errors
/// 400 for a signed body that is no JSON, 401 for a wrong signature, 404 for an unknown channel, 408 for a body that
/// does not arrive, 413 for one that is too large, 503 when it could not be written down.
#[utoipa::path(post, path = "/api/webhooks/{kind}", tag = "callbacks", security(()),
    params(("kind" = Kind, Path, description = "The kind of channel.")),
    request_body(content = serde_json::Value, description = "The vendor's delivery, signed in the vendor's way."),
    responses((status = 200, description = "Committed."),
              (status = 400, description = "Signed, but not of the vendor's shape.", body = crate::api::failure::FailureBody),
              (status = 401, description = "No secret of ours signed it.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such kind of channel, or no such channel.", body = crate::api::failure::FailureBody),
              (status = 413, description = "Too large.", body = crate::api::failure::FailureBody),
              (status = 503, description = "Could not be written down; come again.", body = crate::api::failure::FailureBody)))]
pub async fn deliver(
    request: HttpRequest,
    doors: web::Data<Doors>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let kind = kind(&request)?;
    let limit = doors.options.callback_bytes.max(kind.protocol().largest_delivery);
    let body = reading::body(&request, &doors, payload, limit).await?;
    let headers: Vec<(String, Vec<u8>)> =
        request.headers().iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect();
    let url = address(&request, &doors, &headers);
    let now = doors.switchboard.now();
    let knock = Knock {
        kind,
        channel_id: request.match_info().get("channel_id"),
        delivery: Delivery { url: &url, headers: &headers, body: &body, now },
    };
    let outcome = doors.switchboard.answer_knock(knock, &doors.client).await;
    let word = match &outcome {
        Ok(outcome) => outcome.as_str(),
        Err(Turned::Unverified) => "unverified",
        Err(Turned::Malformed(_)) => "malformed",
        Err(Turned::UnknownChannel) => "unknown_channel",
        Err(Turned::Unavailable(_)) => "unavailable",
    };
    metrics::counter!("switchboard_deliveries_total", "kind" => kind.as_str(), "outcome" => word).increment(1);
    match outcome {
        Ok(_) => {
            let wanted = kind.protocol().acknowledgement;
            Ok(HttpResponse::Ok().content_type(wanted.content_type).body(wanted.body))
        }
        Err(Turned::Unverified) => {
            Err(Failure::new(&request, Code::InvalidSignature, "the signature matches no secret of the channel"))
        }
        Err(Turned::Malformed(reason)) => Err(Failure::fields(
            &request,
            &[crate::domain::errors::FieldProblem::new("body", format!("the vendor's JSON: {reason}"))],
        )),
        Err(Turned::UnknownChannel) => Err(Failure::not_found(&request, "channel")),
        Err(Turned::Unavailable(reason)) => Err(Failure::unavailable(&request, &reason)),
    }
}

/// The address as the vendor called it: signatures may cover it. A proxy on this machine or its network may say how it
/// was called; nobody else may.
fn address(request: &HttpRequest, doors: &Doors, headers: &[(String, Vec<u8>)]) -> String {
    let near = |address: std::net::SocketAddr| match address.ip().to_canonical() {
        std::net::IpAddr::V4(ip) => ip.is_loopback() || ip.is_private(),
        std::net::IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local(),
    };
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let knock = address::Knock {
        target,
        headers,
        public_base: doors.options.public_url.as_deref(),
        trusted_proxy: request.peer_addr().is_some_and(near),
        secure: request.app_config().secure(),
    };
    address::public_address(&knock).unwrap_or_else(|| target.to_owned())
}
