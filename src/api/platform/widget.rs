//! What the web widget needs: its script, a visitor's session, and the hosted page. Open to everybody; a channel's own
//! list of origins says from which pages it may be used.

pub mod leads;

use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE,
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH, ORIGIN, REFERRER_POLICY,
    VARY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _, web};
use serde::{Deserialize, Serialize};

use crate::api::Doors;
use crate::api::failure::{Failure, no_such_method};
use crate::api::reading;
use crate::domain::channels::LeadForm;
use crate::domain::contacts;
use crate::domain::errors::{Code, FieldProblem};
use crate::usecases::signing_in::{SiteUser, Unopened};
use crate::usecases::visiting::{Unvisited, Visit};

/// Longest id of a site's user, in characters.
const LONGEST_USER_ID: usize = 255;
/// Longest name of a site's user, in characters.
const LONGEST_NAME: usize = 200;

/// The widget's assets, handed in by whoever wires the doors: rooms of one floor do not know each other.
#[derive(Debug, Clone, Copy)]
pub struct Assets {
    /// The script.
    pub script: Script,
    /// The script of the form in which visitors say how to reach them.
    pub lead_form: Script,
    /// Renders the hosted page.
    pub page: fn(&Hosted<'_>) -> String,
    /// Value of `Content-Security-Policy` for the page.
    pub page_policy: &'static str,
}

/// The widget's script as it is served.
#[derive(Debug, Clone, Copy)]
pub struct Script {
    /// The text.
    pub body: &'static str,
    /// Value of `Content-Type`.
    pub content_type: &'static str,
    /// Value of `ETag`, with its quotes.
    pub etag: &'static str,
    /// Further headers.
    pub headers: &'static [(&'static str, &'static str)],
    /// Whether the value of an `If-None-Match` names it.
    pub is_current: fn(&str) -> bool,
}

/// What a hosted page shows.
#[derive(Debug, Clone, Copy)]
pub struct Hosted<'a> {
    /// The widget channel.
    pub channel_id: &'a str,
    /// Name of the agent.
    pub title: &'a str,
    /// First words to a visitor.
    pub greeting: Option<&'a str>,
    /// Accent colour.
    pub color: Option<&'a str>,
    /// Language tag.
    pub language: Option<&'a str>,
}

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .service(
            web::resource("/widget.js").route(web::get().to(script)).default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/widget-lead.js")
                .route(web::get().to(lead_form))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/chat/{channel_id}")
                .route(web::get().to(page))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/widget/sessions")
                .route(web::post().to(open))
                .route(web::method(actix_web::http::Method::OPTIONS).to(preflight))
                .default_service(web::route().to(no_such_method)),
        )
        .configure(leads::configure);
}

/// Which widget, and who the visitor was.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct SessionRequest {
    /// The widget channel.
    #[schema(format = "uuid", example = "0198c1d2-7e00-7000-8000-000000000003")]
    channel_id: String,
    /// An earlier token of this visitor, if there is one.
    #[serde(default)]
    token: Option<String>,
    /// The user who is signed in on the page, where the site says so.
    #[serde(default)]
    user: Option<SessionUser>,
}

/// A user of the site, who becomes one contact wherever they sign in.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
pub struct SessionUser {
    /// The site's id of them, 1 to 255 characters.
    #[schema(format = "flat", example = "customer-42", min_length = 1, max_length = 255)]
    id: String,
    /// HMAC-SHA256 of the id under the widget's `identity_secret`, lower-case hex.
    #[schema(example = "a94f9dcd9d56740294a4701c7908d676f047ee373d419d28e916c6c7a762acca")]
    hash: String,
    /// Display name.
    #[serde(default)]
    #[schema(format = "label", max_length = 200, example = "Jane Doe")]
    name: Option<String>,
    /// Email address that the site has verified.
    #[serde(default)]
    #[schema(format = "email or nothing", example = "jane@example.com")]
    email: Option<String>,
    /// Phone number in E.164 that the site has verified.
    #[serde(default)]
    #[schema(format = "phone or nothing", example = "+14155551234")]
    phone: Option<String>,
}

/// A visitor's session.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Session {
    /// The visitor's token.
    #[schema(example = "MDE5OGMxZDJ8…")]
    pub token: String,
    /// The visitor.
    #[schema(example = "0198c1d2-7e00-7000-8000-00000000000b")]
    pub visitor_id: String,
    /// Unix milliseconds.
    #[schema(example = 1_767_225_600_000_i64)]
    pub expires_at: i64,
    /// Who answers.
    pub agent: SessionAgent,
    /// The visitor's conversation, if there is one.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000004")]
    pub conversation_id: Option<String>,
    /// Whether the widget asks visitors how to reach them.
    pub lead_form: LeadForm,
}

/// Who answers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SessionAgent {
    /// Display name.
    #[schema(example = "Ada")]
    pub name: String,
}

impl From<Visit> for Session {
    fn from(visit: Visit) -> Self {
        Self {
            token: visit.token,
            visitor_id: visit.visitor.visitor_id,
            expires_at: visit.expires_at,
            agent: SessionAgent { name: visit.agent_name },
            conversation_id: visit.conversation_id,
            lead_form: visit.lead_form,
        }
    }
}

/// Opens a visitor's session. An earlier token that is still good keeps its visitor. A visitor who is signed in on the
/// page becomes the contact with that `external_id`; one who is another user already gets a new visitor.
#[utoipa::path(post, path = "/api/widget/sessions", tag = "widget", security(()), request_body = SessionRequest,
    responses((status = 200, description = "A known visitor's session.", body = Session),
              (status = 201, description = "A new visitor's session.", body = Session),
              (status = 400, description = "Fields are not as documented.", body = crate::api::failure::FailureBody),
              (status = 401, description = "`user.hash` is wrong, or the widget has no `identity_secret`; nothing was made.", body = crate::api::failure::FailureBody),
              (status = 403, description = "The widget may not be used from this page.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such widget.", body = crate::api::failure::FailureBody)))]
pub async fn open(request: HttpRequest, doors: web::Data<Doors>, payload: web::Payload) -> HttpResponse {
    let (response, allowed) = match visit(&request, &doors, payload).await {
        Ok(visit) => {
            let mut response = if visit.known { HttpResponse::Ok() } else { HttpResponse::Created() };
            (response.insert_header((CACHE_CONTROL, "no-store")).json(Session::from(visit)), true)
        }
        // A failure may be read by any page, so that the widget knows whether to try again; but a page that may not
        // use the widget learns nothing.
        Err(failure) => (failure.error_response(), !failure.is(Code::Forbidden)),
    };
    shared_with(&request, response, allowed)
}

/// The answer, which a page of another origin may read if it is allowed to.
fn shared_with(request: &HttpRequest, mut response: HttpResponse, allowed: bool) -> HttpResponse {
    response.headers_mut().insert(VARY, HeaderValue::from_static("Origin"));
    if let (Some(origin), true) = (request.headers().get(ORIGIN).cloned(), allowed) {
        response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    response
}

async fn visit(request: &HttpRequest, doors: &Doors, payload: web::Payload) -> Result<Visit, Failure> {
    let asked: SessionRequest = reading::json(request, doors, payload).await?;
    let channel_id = reading::id(request, &asked.channel_id, "widget")?;
    let origins = doors.switchboard.allowed_origins(&channel_id).await;
    let origins = origins.map_err(|unvisited| refuse(request, unvisited))?;
    if !may_use(request, &origins) {
        return Err(Failure::new(request, Code::Forbidden, "the widget may not be used from this page"));
    }
    let user = asked.user.map(|user| site_user(request, user)).transpose()?;
    let visit = doors.switchboard.open_visit(&channel_id, asked.token.as_deref(), user.as_ref()).await;
    visit.map_err(|unopened| match unopened {
        Unopened::WrongHash => {
            Failure::new(request, Code::InvalidSignature, "user.hash does not prove that the site says who its user is")
        }
        Unopened::Unvisited(unvisited) => refuse(request, unvisited),
    })
}

fn site_user(request: &HttpRequest, user: SessionUser) -> Result<SiteUser, Failure> {
    let SessionUser { id, hash, name, email, phone } = user;
    // A page that fills its attributes from a template leaves those empty that it does not know.
    let [name, email, phone] =
        [name, email, phone].map(|text| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()));
    let mut problems = Vec::new();
    if !is_line(&id, LONGEST_USER_ID) {
        problems.push(FieldProblem::new("user.id", format!("1 to {LONGEST_USER_ID} characters on one line")));
    }
    if name.as_deref().is_some_and(|name| !is_line(name, LONGEST_NAME)) {
        problems.push(FieldProblem::new("user.name", format!("1 to {LONGEST_NAME} characters on one line")));
    }
    if email.as_deref().is_some_and(|email| contacts::email(email).is_none()) {
        problems.push(FieldProblem::new("user.email", "an email address"));
    }
    if phone.as_deref().is_some_and(|phone| contacts::phone(phone).is_none()) {
        problems.push(FieldProblem::new("user.phone", "a phone number in E.164, such as +14155551234"));
    }
    if problems.is_empty() {
        Ok(SiteUser { id, hash, name, email, phone })
    } else {
        Err(Failure::fields(request, &problems))
    }
}

fn is_line(text: &str, longest: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= longest && !text.contains(char::is_control)
}

/// Whether a page of this origin may use the widget. The gateway's own pages always may; what is no browser names no
/// origin and is not held by it.
fn may_use(request: &HttpRequest, origins: &[String]) -> bool {
    let Some(origin) = request.headers().get(ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let own = request.connection_info().host().to_owned();
    let host = origin.split_once("://").map(|(_, host)| host);
    origins.is_empty()
        || host == Some(own.as_str())
        || origins.iter().any(|allowed| allowed.trim_end_matches('/').eq_ignore_ascii_case(origin))
}

/// Answers a browser that asks whether it may ask. Which widget it is for stands in the body that follows, so that the
/// channel's list is applied there.
#[utoipa::path(options, path = "/api/widget/sessions", tag = "widget", security(()),
    responses((status = 204, description = "It may ask.")))]
pub async fn preflight(request: HttpRequest) -> HttpResponse {
    answer_preflight(&request)
}

fn answer_preflight(request: &HttpRequest) -> HttpResponse {
    let origin = request.headers().get(ORIGIN).cloned().unwrap_or_else(|| HeaderValue::from_static("*"));
    HttpResponse::NoContent()
        .insert_header((ACCESS_CONTROL_ALLOW_ORIGIN, origin))
        .insert_header((ACCESS_CONTROL_ALLOW_METHODS, "POST"))
        .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, "content-type, idempotency-key, x-request-id"))
        .insert_header((ACCESS_CONTROL_MAX_AGE, "7200"))
        .insert_header((VARY, "Origin"))
        .finish()
}

/// The widget's script.
#[utoipa::path(get, path = "/widget.js", tag = "widget", security(()),
    responses((status = 200, description = "The script, an ES module.", body = String, content_type = "text/javascript"),
              (status = 304, description = "The caller has it already.")))]
pub async fn script(request: HttpRequest, doors: web::Data<Doors>) -> HttpResponse {
    serve(&request, &doors.widget.script)
}

/// The script of the widget's form, which the widget loads where the channel's `lead_form` wants one.
#[utoipa::path(get, path = "/widget-lead.js", tag = "widget", security(()),
    responses((status = 200, description = "The script, an ES module.", body = String, content_type = "text/javascript"),
              (status = 304, description = "The caller has it already.")))]
pub async fn lead_form(request: HttpRequest, doors: web::Data<Doors>) -> HttpResponse {
    serve(&request, &doors.widget.lead_form)
}

fn serve(request: &HttpRequest, script: &Script) -> HttpResponse {
    let known = request.headers().get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let current = known.is_some_and(script.is_current);
    let mut response = if current { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((ETAG, script.etag));
    for header in script.headers {
        response.insert_header(*header);
    }
    if current {
        return response.finish();
    }
    response.insert_header((CONTENT_TYPE, script.content_type)).body(script.body)
}

/// The hosted page of a widget: the chat alone on a page.
///
/// # Errors
/// 404 for an unknown widget.
#[utoipa::path(get, path = "/chat/{channel_id}", tag = "widget", security(()),
    params(("channel_id" = String, Path, description = "The widget channel.")),
    responses((status = 200, description = "The page.", body = String, content_type = "text/html"),
              (status = 404, description = "There is no such widget.", body = crate::api::failure::FailureBody)))]
pub async fn page(
    request: HttpRequest,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = reading::id(&request, &path, "widget")?;
    let switchboard = &doors.switchboard;
    let account = switchboard.widget(&id).await.map_err(|unvisited| refuse(&request, unvisited))?;
    let channel = &account.channel;
    let agent = match &channel.agent_id {
        Some(agent) => switchboard.directory.agent(agent).await.map_err(|error| Failure::store(&request, &error))?,
        None => None,
    };
    let setting = |name: &str| channel.settings.get(name).and_then(serde_json::Value::as_str);
    let agent_name = agent.as_ref().map(|agent| agent.name.as_str());
    let hosted = Hosted {
        channel_id: &channel.id,
        title: setting("title").or(agent_name).unwrap_or(&channel.name),
        greeting: setting("greeting"),
        color: setting("color"),
        language: setting("language"),
    };
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_SECURITY_POLICY, doors.widget.page_policy))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((CACHE_CONTROL, "no-cache"))
        .body((doors.widget.page)(&hosted)))
}

fn refuse(request: &HttpRequest, unvisited: Unvisited) -> Failure {
    match unvisited {
        Unvisited::UnknownChannel => Failure::not_found(request, "widget"),
        Unvisited::Unavailable(reason) => Failure::unavailable(request, &reason),
    }
}
