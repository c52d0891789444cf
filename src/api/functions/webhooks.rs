//! `/functions/v1/webhooks`: a test of a webhook endpoint.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;

use crate::api::Doors;
use crate::api::authentication::{Caller, Manage};
use crate::api::failure::{Failure, no_such_method};
use crate::api::platform::webhook_endpoints::{WebhookTest, tested};
use crate::api::reading;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services.service(
        web::resource("/functions/v1/webhooks/test")
            .route(web::post().to(test))
            .default_service(web::route().to(no_such_method)),
    );
}

/// Which endpoint to test.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct WebhookToTest {
    /// The endpoint's id.
    #[schema(format = "uuid", example = "0198c1d2-7e00-7000-8000-00000000000d")]
    webhook_id: String,
}

/// Sends a webhook endpoint a signed `webhook.test` and waits for its answer. A repeated `Idempotency-Key` sends nothing and
/// gives what the first test found out, with `Idempotent-Replayed: true`.
///
/// # Errors
/// 400 for a body that is not as documented, 404 for an unknown endpoint, 409 when the key was used for something else or
/// its test never ended.
#[utoipa::path(post, path = "/functions/v1/webhooks/test", tag = "functions", extensions(("x-permission" = json!("manage"))),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters: the same key sends it once.")),
    request_body = WebhookToTest,
    responses((status = 200, description = "What it answered.", body = WebhookTest),
              (status = 400, description = "The body is not as documented.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such endpoint.", body = crate::api::failure::FailureBody),
              (status = 409, description = "The key was used for something else, or its test never ended.", body = crate::api::failure::FailureBody)))]
pub async fn test(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let asked: WebhookToTest = reading::json(&request, &doors, payload).await?;
    let id = reading::id(&request, &asked.webhook_id, "webhook endpoint")?;
    tested(&request, &caller, &doors, &id).await
}
