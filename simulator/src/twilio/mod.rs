//! Twilio: its accounts, its addresses, and who may call them. What a call does is decided by the rooms below.

pub mod content;
pub mod errors;
pub mod inbound;
pub mod media;
pub mod messages;
pub mod patience;
pub mod replies;
pub mod signature;
pub mod state;
pub mod status;

use std::sync::Arc;

use actix_web::web::{self, Bytes, Data, Path, Query, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::accounts::{Business, Gateway, Receipts, Review, WindowRule};
use crate::faults::Facts;
use crate::server::around;
use crate::world::World;
use errors::TwilioError;

/// An API key, which may call but cannot check signatures.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ApiKey {
    /// `SK` and 32 hexadecimal digits.
    pub sid: String,
    /// Its password.
    pub secret: String,
}

/// An account of Twilio with its senders, and how the simulator treats it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct TwilioAccount {
    /// `AC` and 32 hexadecimal digits: the path of sends.
    pub account_sid: String,
    /// Password of calls and key of webhook signatures.
    pub auth_token: String,
    /// Further keys that calls may use.
    pub api_keys: Vec<ApiKey>,
    /// Name shown to customers.
    pub name: String,
    /// Numbers in E.164 and short codes; those of `WhatsApp` with the prefix `whatsapp:`.
    pub senders: Vec<String>,
    /// A messaging service that all senders belong to.
    pub messaging_service_sid: Option<String>,
    /// Whether the service recognises opt-outs itself and says so in `OptOutType`.
    pub advanced_opt_out: bool,
    /// The gateway's webhook, with the fragment that says how to call it; signatures are made over it as it stands.
    pub callback_url: Option<String>,
    /// Where the statuses of messages without a `StatusCallback` go.
    pub status_callback_url: Option<String>,
    /// Content templates, as `/v1/Content` shows them.
    pub templates: Vec<Value>,
    /// What becomes of templates whose approval is asked for.
    pub template_review: Review,
    /// Milliseconds until somebody has looked at them; 0: the answer says it already.
    pub template_review_ms: u64,
    /// Which statuses follow an accepted message; SMS has no `read`.
    pub receipts: Receipts,
    /// Milliseconds from acceptance to `sent`, `delivered` and `read`.
    pub receipt_delays_ms: [u64; 3],
    /// Webhooks that may be under way at once; 1 keeps first tries in order.
    pub parallel: usize,
    /// How long an unacknowledged webhook is tried again; absent: as the fragment of its address says.
    pub retry_for_ms: Option<u64>,
    /// The rule for free-form messages on `WhatsApp` outside the window.
    pub window: WindowRule,
}

impl Default for TwilioAccount {
    fn default() -> Self {
        Self {
            account_sid: "AC00000000000000000000000000000001".to_owned(),
            auth_token: "12345678901234567890123456789012".to_owned(),
            api_keys: vec![ApiKey {
                sid: "SK00000000000000000000000000000001".to_owned(),
                secret: "switchboard-test-api-secret".to_owned(),
            }],
            name: "Lucky Shrub".to_owned(),
            senders: vec!["+15005550006".to_owned(), "whatsapp:+14155238886".to_owned()],
            messaging_service_sid: None,
            advanced_opt_out: false,
            callback_url: None,
            status_callback_url: None,
            templates: content::samples(),
            template_review: Review::Approve,
            template_review_ms: 50,
            receipts: Receipts::Read,
            receipt_delays_ms: [50, 250, 1_500],
            parallel: 1,
            retry_for_ms: None,
            window: WindowRule::AtOnce,
        }
    }
}

impl Business for TwilioAccount {
    fn id(&self) -> &str {
        &self.account_sid
    }

    fn gateway(&self) -> Gateway {
        Gateway {
            callback_url: self.callback_url.clone(),
            secret: self.auth_token.clone(),
            parallel: self.parallel,
            retry_for_ms: self.retry_for_ms,
            batch_window_ms: 0,
            batch_max: 1,
        }
    }
}

type Pairs = Query<Vec<(String, String)>>;

/// Registers the addresses.
pub fn routes(config: &mut ServiceConfig) {
    let messages = "/2010-04-01/Accounts/{account}/Messages";
    config
        .route("/2010-04-01/Accounts/{account}.json", web::get().to(get_account))
        .route(&format!("{messages}.json"), web::post().to(create))
        .route(&format!("{messages}.json"), web::get().to(list))
        .route(&format!("{messages}/{{sid}}.json"), web::get().to(get_message))
        .route(&format!("{messages}/{{sid}}.json"), web::delete().to(delete_message))
        .route(&format!("{messages}/{{sid}}/Media.json"), web::get().to(media_list))
        .route(&format!("{messages}/{{sid}}/Media/{{media}}"), web::get().to(get_media))
        .route(&format!("{messages}/{{sid}}/Media/{{media}}"), web::delete().to(delete_media))
        .route("/v1/Content", web::get().to(contents))
        .route("/v1/Content", web::post().to(create_content))
        .route("/v1/ContentAndApprovals", web::get().to(contents))
        .route("/v1/Content/{sid}", web::get().to(get_content))
        .route("/v1/Content/{sid}", web::delete().to(delete_content))
        .route("/v1/Content/{sid}/ApprovalRequests/whatsapp", web::post().to(ask_approval))
        .route("/v1/Content/{sid}/ApprovalRequests", web::get().to(get_approval))
        .route("/{version:v2|v3}/Indicators/Typing.json", web::post().to(typing));
}

/// The account whose credentials the call carries.
fn caller(world: &World, request: &HttpRequest) -> Result<Arc<TwilioAccount>, TwilioError> {
    let header = request.headers().get("Authorization").and_then(|value| value.to_str().ok());
    let pair = header.and_then(|value| value.strip_prefix("Basic ")).and_then(|coded| STANDARD.decode(coded).ok());
    let pair = pair.and_then(|pair| String::from_utf8(pair).ok()).ok_or_else(TwilioError::unauthorised)?;
    let (user, password) = pair.split_once(':').ok_or_else(TwilioError::unauthorised)?;
    let good = |account: &TwilioAccount| {
        (account.account_sid == user && account.auth_token == password)
            || account.api_keys.iter().any(|key| key.sid == user && key.secret == password)
    };
    world.twilio.find(good).ok_or_else(TwilioError::unauthorised)
}

/// The same, for a path that names the account.
fn owner(world: &World, request: &HttpRequest) -> Result<Arc<TwilioAccount>, TwilioError> {
    let account = caller(world, request)?;
    let named = request.match_info().get("account").unwrap_or_default();
    if account.account_sid == named { Ok(account) } else { Err(TwilioError::missing(request.path())) }
}

/// Takes a call under the faults in force.
async fn call(
    world: &Arc<World>,
    request: &HttpRequest,
    kind: &str,
    body: &[u8],
    take: impl AsyncFnOnce(&[crate::faults::Action]) -> Result<HttpResponse, TwilioError>,
) -> HttpResponse {
    let facts = Facts { vendor: "twilio", kind, path: request.path(), body };
    around(world, facts, async |actions| take(actions).await.unwrap_or_else(|error| error.response())).await
}

fn ok(document: Value) -> Result<HttpResponse, TwilioError> {
    Ok(HttpResponse::Ok().json(document))
}

async fn create(world: Data<World>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let world = world.into_inner();
    call(&world, &request, "send", &body, async |actions| {
        let account = owner(&world, &request)?;
        let document = messages::take(&world, &account, &body, actions).await?;
        Ok(HttpResponse::Created().json(document))
    })
    .await
}

async fn list(world: Data<World>, request: HttpRequest, query: Pairs) -> HttpResponse {
    let world = world.into_inner();
    call(&world, &request, "node", &[], async |_| {
        let account = owner(&world, &request)?;
        ok(world.twilio_state.page(&account.account_sid, &query))
    })
    .await
}

async fn get_account(world: Data<World>, request: HttpRequest) -> HttpResponse {
    let world = world.into_inner();
    call(&world, &request, "node", &[], async |_| {
        let account = owner(&world, &request)?;
        ok(json!({"sid": account.account_sid, "friendly_name": account.name, "status": "active", "type": "Full",
            "uri": request.path()}))
    })
    .await
}

async fn get_message(world: Data<World>, request: HttpRequest, path: Path<(String, String)>) -> HttpResponse {
    let world = world.into_inner();
    call(&world, &request, "node", &[], async |_| {
        owner(&world, &request)?;
        world.twilio_state.message(&path.1).ok_or_else(|| TwilioError::missing(request.path())).and_then(ok)
    })
    .await
}

async fn delete_message(world: Data<World>, request: HttpRequest, path: Path<(String, String)>) -> HttpResponse {
    let world = world.into_inner();
    call(&world, &request, "node", &[], async |_| {
        owner(&world, &request)?;
        if world.twilio_state.forget(&path.1) {
            Ok(HttpResponse::NoContent().finish())
        } else {
            Err(TwilioError::missing(request.path()))
        }
    })
    .await
}

async fn media_list(world: Data<World>, request: HttpRequest, path: Path<(String, String)>) -> HttpResponse {
    let world = world.into_inner();
    call(&world, &request, "media", &[], async |_| {
        let account = owner(&world, &request)?;
        ok(media::list(&world, &account, &path.1))
    })
    .await
}

async fn get_media(world: Data<World>, request: HttpRequest, path: Path<(String, String, String)>) -> HttpResponse {
    let world = world.into_inner();
    call(&world, &request, "media", &[], async |_| {
        owner(&world, &request)?;
        media::redirect(&world, &path.2).ok_or_else(|| TwilioError::missing(request.path()))
    })
    .await
}

async fn delete_media(world: Data<World>, request: HttpRequest, path: Path<(String, String, String)>) -> HttpResponse {
    let world = world.into_inner();
    call(&world, &request, "media", &[], async |_| {
        owner(&world, &request)?;
        if world.media.remove(&path.2) {
            Ok(HttpResponse::NoContent().finish())
        } else {
            Err(TwilioError::missing(request.path()))
        }
    })
    .await
}

async fn contents(world: Data<World>, request: HttpRequest) -> HttpResponse {
    let world = world.into_inner();
    call(&world, &request, "templates", &[], async |_| {
        let account = caller(&world, &request)?;
        ok(content::page(&account, &format!("{}{}", world.base_url, request.path())))
    })
    .await
}

async fn create_content(world: Data<World>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let world = world.into_inner();
    call(&world, &request, "templates", &body, async |_| {
        let account = caller(&world, &request)?;
        content::create(&world, &account, &body).map(|made| HttpResponse::Created().json(made))
    })
    .await
}

async fn ask_approval(world: Data<World>, request: HttpRequest, sid: Path<String>, body: Bytes) -> HttpResponse {
    let world = world.into_inner();
    call(&world, &request, "templates", &body, async |_| {
        let account = caller(&world, &request)?;
        content::find(&account, &sid).ok_or_else(|| TwilioError::missing(request.path()))?;
        content::ask(&world, &account, &sid, &body).map(|asked| HttpResponse::Created().json(asked))
    })
    .await
}

async fn delete_content(world: Data<World>, request: HttpRequest, sid: Path<String>) -> HttpResponse {
    let world = world.into_inner();
    call(&world, &request, "templates", &[], async |_| {
        let account = caller(&world, &request)?;
        content::find(&account, &sid).ok_or_else(|| TwilioError::missing(request.path()))?;
        content::end(&world, &account, &sid);
        Ok(HttpResponse::NoContent().finish())
    })
    .await
}

async fn get_content(world: Data<World>, request: HttpRequest, sid: Path<String>) -> HttpResponse {
    let world = world.into_inner();
    call(&world, &request, "templates", &[], async |_| {
        let account = caller(&world, &request)?;
        content::find(&account, &sid).cloned().ok_or_else(|| TwilioError::missing(request.path())).and_then(ok)
    })
    .await
}

async fn get_approval(world: Data<World>, request: HttpRequest, sid: Path<String>) -> HttpResponse {
    let world = world.into_inner();
    call(&world, &request, "templates", &[], async |_| {
        let account = caller(&world, &request)?;
        let content = content::find(&account, &sid).ok_or_else(|| TwilioError::missing(request.path()))?;
        ok(json!({"sid": *sid, "account_sid": account.account_sid, "whatsapp": content.get("approval_requests")}))
    })
    .await
}

/// Marks an inbound message as read and shows that somebody types.
async fn typing(world: Data<World>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let world = world.into_inner();
    call(&world, &request, "mark_read", &body, async |_| {
        let account = caller(&world, &request)?;
        let document = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let sid = document.get("messageId").and_then(Value::as_str).map(str::to_owned);
        let sid =
            sid.or_else(|| signature::parameters(&body).into_iter().find(|pair| pair.0 == "messageId").map(|p| p.1));
        let sid = sid.ok_or_else(|| TwilioError::of(20_001))?;
        world.books.note(
            "mark_read",
            json!({"channel": "twilio", "account": account.account_sid, "id": sid, "typing": true,
                "at_ms": world.clock.now_ms()}),
        );
        ok(json!({"success": true}))
    })
    .await
}
