//! `/api/webhooks/whatsapp[/{channel_id}]`: the handshake and live traffic on the same route.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use switchboard_channels::Kind;

use crate::api::Doors;
use crate::api::failure::Failure;
use crate::api::reading;
use crate::domain::errors::Code;
use crate::usecases::receiving::{Knock, Turned};
use crate::usecases::vendors::HandshakeRefusal;

const KIND: Kind = Kind::Whatsapp;
const SIGNATURE: &str = "x-hub-signature-256";

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    for path in ["/api/webhooks/whatsapp", "/api/webhooks/whatsapp/{channel_id}"] {
        services.service(
            web::resource(path)
                .route(web::get().to(handshake))
                .route(web::post().to(deliver))
                .default_service(web::route().to(crate::api::failure::no_such_method)),
        );
    }
}

/// What the vendor sends to check a callback address.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Handshake {
    /// `subscribe`.
    #[serde(rename = "hub.mode")]
    mode: Option<String>,
    /// The channel's verify token.
    #[serde(rename = "hub.verify_token")]
    token: Option<String>,
    /// Echoed when the token is right.
    #[serde(rename = "hub.challenge")]
    challenge: Option<String>,
}

/// Answers the vendor's handshake.
///
/// # Errors
/// 400 for a missing parameter, 403 for a wrong token, 404 for an unknown channel.
#[utoipa::path(get, path = "/api/webhooks/whatsapp", tag = "callbacks", security(()), params(Handshake),
    responses((status = 200, description = "The challenge.", body = String, content_type = "text/plain"),
              (status = 400, description = "A parameter is missing.", body = crate::api::failure::FailureBody),
              (status = 403, description = "The token is wrong.", body = crate::api::failure::FailureBody)))]
pub async fn handshake(
    request: HttpRequest,
    doors: web::Data<Doors>,
    asked: web::Query<Handshake>,
) -> Result<HttpResponse, Failure> {
    let directory = &doors.switchboard.directory;
    let accounts = match request.match_info().get("channel_id") {
        Some(id) => {
            let found = directory.channel(id).await.map_err(|error| Failure::store(&request, &error))?;
            let found = found.filter(|account| account.channel.kind == KIND);
            vec![found.ok_or_else(|| Failure::not_found(&request, "channel"))?]
        }
        None => directory.channels_of_kind(KIND).await.map_err(|error| Failure::store(&request, &error))?,
    };
    let mut refusal = HandshakeRefusal::Forbidden;
    let vendors = accounts.iter().filter_map(|account| account.vendor.as_ref().ok());
    for vendor in vendors {
        match vendor.handshake(asked.mode.as_deref(), asked.token.as_deref(), asked.challenge.as_deref()) {
            Ok(challenge) => {
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
            Failure::new(&request, Code::Forbidden, "the verify token is not that of a channel here")
        }
    })
}

/// Takes a delivery. 200 means that everything in it is committed or has its visible outcome.
///
/// # Errors
/// 400 for a signed body that is no JSON, 401 for a wrong signature, 404 for an unknown channel, 408 for a body that
/// does not arrive, 413 for one that is too large, 503 when it could not be written down.
#[utoipa::path(post, path = "/api/webhooks/whatsapp", tag = "callbacks", security(()),
    request_body(content = serde_json::Value, description = "The vendor's delivery, signed in X-Hub-Signature-256."),
    responses((status = 200, description = "Committed."),
              (status = 400, description = "Signed, but not of the vendor's shape.", body = crate::api::failure::FailureBody),
              (status = 401, description = "No secret of ours signed it.", body = crate::api::failure::FailureBody),
              (status = 413, description = "Too large.", body = crate::api::failure::FailureBody),
              (status = 503, description = "Could not be written down; come again.", body = crate::api::failure::FailureBody)))]
pub async fn deliver(
    request: HttpRequest,
    doors: web::Data<Doors>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let body = reading::body(&request, &doors, payload, doors.options.callback_bytes).await?;
    let knock = Knock {
        kind: KIND,
        channel_id: request.match_info().get("channel_id"),
        signature: request.headers().get(SIGNATURE).map(actix_web::http::header::HeaderValue::as_bytes),
        body: &body,
    };
    let outcome = doors.switchboard.take_delivery(knock).await;
    let word = match &outcome {
        Ok(outcome) => outcome.as_str(),
        Err(Turned::Unverified) => "unverified",
        Err(Turned::Malformed(_)) => "malformed",
        Err(Turned::UnknownChannel) => "unknown_channel",
        Err(Turned::Unavailable(_)) => "unavailable",
    };
    metrics::counter!("switchboard_deliveries_total", "kind" => KIND.as_str(), "outcome" => word).increment(1);
    match outcome {
        Ok(_) => Ok(HttpResponse::new(StatusCode::OK)),
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
