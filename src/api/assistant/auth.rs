//! `/api/v1/auth`: somebody signs in with their phone and gets an access token.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::{Meta, served};
use crate::api::failure::{Failure, no_such_method};
use crate::api::{Doors, peer, reading};
use crate::domain::contacts;
use crate::domain::errors::{Code, FieldProblem};
use crate::usecases::accounts::NotIn;
use crate::usecases::tokens;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .service(
            web::resource("/api/v1/auth/otp/send")
                .route(web::post().to(send))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/v1/auth/otp/verify")
                .route(web::post().to(verify))
                .default_service(web::route().to(no_such_method)),
        );
}

/// Who wants a code.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeRequest {
    /// Phone number in E.164.
    #[schema(format = "phone", example = "+919019922652")]
    phone: String,
}

/// A code that came.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeToVerify {
    /// Phone number in E.164.
    #[schema(format = "phone", example = "+919019922652")]
    phone: String,
    /// The six digits.
    #[schema(format = "digits", example = "123456")]
    otp: String,
}

/// What became of the wish.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CodeSent {
    /// Always true: it does not tell whether the number is anybody's.
    #[schema(example = true)]
    pub sent: bool,
    /// How long a code is good, in seconds.
    #[schema(example = 300)]
    pub expires_in: i64,
}

/// An access token.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AccessToken {
    /// Send it as `Authorization: Bearer …`.
    #[schema(example = "eyJ0eXAiOiJKV1QiL…")]
    pub access_token: String,
    /// `bearer`
    #[schema(example = "bearer")]
    pub token_type: &'static str,
    /// How long it is good, in seconds.
    #[schema(example = 86_400)]
    pub expires_in: i64,
}

/// [`CodeSent`] in its envelope, as the document describes it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CodeSentAnswer {
    /// `true`.
    #[schema(example = true)]
    pub success: bool,
    /// What became of it.
    pub data: CodeSent,
    /// Nothing.
    pub error: Option<serde_json::Value>,
    /// What stands beside it.
    pub meta: Meta,
}

/// [`AccessToken`] in its envelope, as the document describes it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AccessTokenAnswer {
    /// `true`.
    #[schema(example = true)]
    pub success: bool,
    /// The token.
    pub data: AccessToken,
    /// Nothing.
    pub error: Option<serde_json::Value>,
    /// What stands beside it.
    pub meta: Meta,
}

/// Sends a sign-in code to a phone, over the SMS or WhatsApp channel of its user's workspace. The answer and its time are
/// the same whether or not the number is anybody's.
///
/// # Errors
/// 400 for a number that is none, 429 for too many.
#[utoipa::path(post, path = "/api/v1/auth/otp/send", tag = "people", security(()), request_body = CodeRequest,
    responses((status = 200, description = "If the number is a member's, a code is on its way.", body = CodeSentAnswer),
              (status = 400, description = "It is no phone number.", body = crate::api::failure::FailureBody),
              (status = 429, description = "Too many; `Retry-After` says when to try again.", body = crate::api::failure::FailureBody),
              (status = 503, description = "Not now.", body = crate::api::failure::FailureBody)))]
pub async fn send(
    request: HttpRequest,
    doors: web::Data<Doors>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let asked: CodeRequest = reading::json(&request, &doors, payload).await?;
    let phone = number(&request, &asked.phone)?;
    let sent = doors.switchboard.send_code(&phone, &peer::origin(&request, &doors)).await;
    sent.map_err(|not_in| keep_out(&request, not_in))?;
    Ok(served(StatusCode::OK, CodeSent { sent: true, expires_in: 300 }, Meta::of(&request)))
}

/// Takes a code back and gives an access token for the user's workspace, the one that they joined first. A code bears
/// five tries and is used once.
///
/// # Errors
/// 400 for fields that are not as documented, 401 for a code that is not good, 429 for too many tries.
#[utoipa::path(post, path = "/api/v1/auth/otp/verify", tag = "people", security(()), request_body = CodeToVerify,
    responses((status = 200, description = "The access token.", body = AccessTokenAnswer),
              (status = 400, description = "Fields are not as documented.", body = crate::api::failure::FailureBody),
              (status = 401, description = "The code is wrong, used or has run out.", body = crate::api::failure::FailureBody),
              (status = 429, description = "Too many tries; `Retry-After` says when to try again.", body = crate::api::failure::FailureBody),
              (status = 503, description = "Not now.", body = crate::api::failure::FailureBody)))]
pub async fn verify(
    request: HttpRequest,
    doors: web::Data<Doors>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let asked: CodeToVerify = reading::json(&request, &doors, payload).await?;
    let phone = number(&request, &asked.phone)?;
    let code = asked.otp.trim();
    if code.len() != 6 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Failure::fields(&request, &[FieldProblem::new("otp", "six digits")]));
    }
    let token = doors.switchboard.verify_code(&phone, code, &peer::origin(&request, &doors)).await;
    let access_token = token.map_err(|not_in| keep_out(&request, not_in))?;
    let token = AccessToken { access_token, token_type: "bearer", expires_in: tokens::LIFETIME_S };
    Ok(served(StatusCode::OK, token, Meta::of(&request)))
}

fn number(request: &HttpRequest, text: &str) -> Result<String, Failure> {
    let problem = || FieldProblem::new("phone", "a phone number in E.164, such as +14155551234");
    contacts::phone(text).ok_or_else(|| Failure::fields(request, &[problem()]))
}

fn keep_out(request: &HttpRequest, not_in: NotIn) -> Failure {
    match not_in {
        NotIn::Wrong => Failure::new(request, Code::Unauthenticated, "the code is wrong, used or has run out"),
        other => crate::api::platform::auth::keep_out(request, other),
    }
}
