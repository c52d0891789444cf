//! `/api/conversations/{id}/messages`: what was said, and saying something, under the rule of the window.

use actix_web::http::header::CONTENT_LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::json;
use switchboard_channels::contract::capabilities::WindowRule;
use switchboard_channels::contract::content::{Content, Template};

use super::{find, judge_name, refuse};
use crate::api::Doors;
use crate::api::authentication::{Caller, Read, Write};
use crate::api::failure::{Failure, no_such_method};
use crate::api::reading::{self, Query};
use crate::domain::errors::{Code, FieldProblem};
use crate::domain::messages::{Author, AuthorKind, Message};
use crate::domain::principals::{Actor, Principal};
use crate::domain::windows::Window;
use crate::usecases::conversing::{Unsaid, Wish};
use crate::usecases::falling_back::OnWindowClosed as Otherwise;

/// Seconds after which a message may be said over another channel.
const FALLBACK_AFTER: std::ops::RangeInclusive<i64> = 1..=86_400;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services.service(
        web::resource("/api/conversations/{id}/messages")
            .route(web::get().to(list))
            .route(web::post().to(send))
            .default_service(web::route().to(no_such_method)),
    );
}

/// Messages in order.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Messages {
    /// The messages.
    pub messages: Vec<Message>,
}

/// What to say: `body` or `content`.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMessage {
    /// Plain text.
    #[schema(format = "filled", example = "Your room is ready.")]
    body: Option<String>,
    /// Typed content.
    content: Option<Content>,
    /// The id of the message it answers, ours or the vendor's.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000005")]
    reply_to: Option<String>,
    /// Who says it; else a person with the key's name. A person takes the conversation over.
    author: Option<NewAuthor>,
    /// What happens when the window is closed; else `reject`.
    on_window_closed: Option<OnWindowClosed>,
    /// The approved template that is sent in its place, with `on_window_closed: "template"`.
    template: Option<Template>,
    /// Seconds after which it is said over the person's next channel, unless a receipt says that it has arrived; at
    /// once, if it will not arrive. Both messages stay visible, and name each other.
    #[schema(minimum = 1, maximum = 86_400)]
    fallback_after: Option<i64>,
}

/// Who says it.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAuthor {
    /// A person, or a program that does not take the conversation over.
    pub(super) kind: NewAuthorKind,
    /// Display name.
    #[schema(format = "filled", max_length = 200, example = "Ana")]
    pub(super) name: Option<String>,
}

/// Who may write through this address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NewAuthorKind {
    /// A person.
    Human,
    /// A program.
    System,
}

/// What happens when the window is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnWindowClosed {
    /// It is refused.
    Reject,
    /// `template` is sent instead.
    Template,
    /// It is `held` until the person writes again, and leaves before anything that answers them. Until then it can be
    /// taken back.
    Queue,
    /// It goes over the person's next channel: the one with the newest conversation that may be written to. Nothing is
    /// said twice; the attempt here is the event `conversation.window_closed`.
    Fallback,
}

/// Which messages to read.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what the handler reads")]
pub struct Since {
    /// Those after this sequence number; else the newest.
    #[param(minimum = 0)]
    since: Option<i64>,
    /// Most messages to give.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
}

/// Reads messages in order: those after `since`, else the newest.
///
/// # Errors
/// 400 for a query that is not as documented, 404 for an unknown conversation.
#[utoipa::path(get, path = "/api/conversations/{id}/messages", tag = "conversations", extensions(("x-permission" = json!("read"))),
    params(("id" = String, Path, description = "The conversation."), Since),
    responses((status = 200, description = "The messages.", body = Messages),
              (status = 400, description = "The query is not as documented.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such conversation.", body = crate::api::failure::FailureBody)))]
pub async fn list(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let stored = find(&request, &caller, &doors, &path).await?;
    let mut query = Query::of(&request);
    let since = query.number("since", 0..=i64::MAX);
    let limit = query.number("limit", 1..=200).unwrap_or(50);
    query.check(&request)?;
    let found = doors.switchboard.store.messages(caller.workspace_id(), &stored.state.id, since, limit).await;
    let messages = found.map_err(|error| Failure::store(&request, &error))?;
    Ok(HttpResponse::Ok().json(Messages { messages }))
}

/// Says something in a conversation. 201 means that it is committed and will leave; or that it is `held`. A repeated `Idempotency-Key` gives
/// the first message again, with `Idempotent-Replayed: true`.
///
/// # Errors
/// 400 for fields that are not as documented, 402 when the month's messages are used up, 404 for an unknown conversation, 409 when the window is closed or the
/// key was used for something else, 422 for content that the channel cannot carry and for people to whom nothing is sent.
#[utoipa::path(post, path = "/api/conversations/{id}/messages", tag = "conversations", extensions(("x-permission" = json!("write"))),
    params(("id" = String, Path, description = "The conversation."),
           ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters: the same key says it once.")),
    request_body = NewMessage,
    responses((status = 201, description = "It is committed.", body = Message),
              (status = 400, description = "Fields are not as documented.", body = crate::api::failure::FailureBody),
              (status = 402, description = "`MESSAGE_LIMIT_REACHED`: the plan's messages of this month are used up; nothing was stored.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such conversation.", body = crate::api::failure::FailureBody),
              (status = 409, description = "The window is closed, the key was used for something else, or too many messages are held.", body = crate::api::failure::FailureBody),
              (status = 422, description = "The channel cannot carry it, or nothing is sent to this person.", body = crate::api::failure::FailureBody)))]
pub async fn send(
    request: HttpRequest,
    caller: Caller<Write>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let stored = find(&request, &caller, &doors, &path).await?;
    let key = reading::idempotency_key(&request)?;
    let asked: NewMessage = reading::json(&request, &doors, payload).await?;
    let otherwise = otherwise(&request, &asked)?;
    let wish = wish(&request, &caller, asked, key)?;
    match doors.switchboard.say_or(caller.workspace_id(), &stored.state.id, wish, otherwise).await {
        Ok(said) => {
            let mut response = HttpResponse::Created();
            if said.repeated {
                response.insert_header(("Idempotent-Replayed", "true"));
            }
            if said.conversation_id != stored.state.id {
                let place = format!("/api/conversations/{}/messages", said.conversation_id);
                response.insert_header((CONTENT_LOCATION, place));
            }
            Ok(response.json(said.message))
        }
        Err(Unsaid::WindowClosed(window)) => {
            Err(window_closed(&request, &doors, &stored.state.channel_id, &window).await)
        }
        Err(unsaid) => Err(refuse(&request, unsaid)),
    }
}

/// What shall happen when the window is closed.
fn otherwise(request: &HttpRequest, asked: &NewMessage) -> Result<Otherwise, Failure> {
    let problem = |expected: &str| Err(Failure::fields(request, &[FieldProblem::new("template", expected)]));
    match (asked.on_window_closed, &asked.template) {
        (Some(OnWindowClosed::Template), Some(template)) => Ok(Otherwise::Template(template.clone())),
        (Some(OnWindowClosed::Template), None) => problem("the template to send in its place"),
        (_, Some(_)) => problem("nothing, but with on_window_closed \"template\""),
        (None | Some(OnWindowClosed::Reject), None) => Ok(Otherwise::Reject),
        (Some(OnWindowClosed::Fallback), None) => Ok(Otherwise::Fallback),
        (Some(OnWindowClosed::Queue), None) => Ok(Otherwise::Queue),
    }
}

/// What is said: a text, or typed content.
pub(super) fn content(
    request: &HttpRequest,
    body: Option<String>,
    content: Option<Content>,
) -> Result<Content, Failure> {
    match (body, content) {
        (Some(body), None) => {
            if body.trim().is_empty() || body.contains('\0') {
                let problem = FieldProblem::new("body", "a text that is not empty, without NUL");
                return Err(Failure::fields(request, &[problem]));
            }
            Ok(Content::text(body))
        }
        (None, Some(content)) => Ok(content),
        _ => Err(Failure::fields(request, &[FieldProblem::new("body", "either body or content")])),
    }
}

/// Who says it: a person of the team is known by their own session.
pub(super) fn author(request: &HttpRequest, caller: &Principal, asked: NewAuthor) -> Result<Author, Failure> {
    if let Some(name) = &asked.name {
        judge_name(request, "author.name", name)?;
    }
    let (kind, id, default_name) = match (asked.kind, &caller.actor) {
        (NewAuthorKind::System, _) => (AuthorKind::System, None, None),
        (NewAuthorKind::Human, Actor::Member { user_id, .. }) => {
            (AuthorKind::Human, Some(user_id.clone()), Some(caller.name.clone()))
        }
        (NewAuthorKind::Human, Actor::Key { .. }) => (AuthorKind::Human, None, Some(caller.name.clone())),
    };
    Ok(Author { kind, id, name: asked.name.or(default_name) })
}

fn wish(request: &HttpRequest, caller: &Principal, asked: NewMessage, key: Option<String>) -> Result<Wish, Failure> {
    let content = content(request, asked.body, asked.content)?;
    if asked.fallback_after.is_some_and(|seconds| !FALLBACK_AFTER.contains(&seconds)) {
        let expected = format!("{} to {} seconds", FALLBACK_AFTER.start(), FALLBACK_AFTER.end());
        return Err(Failure::fields(request, &[FieldProblem::new("fallback_after", expected)]));
    }
    let by_default = NewAuthor { kind: NewAuthorKind::Human, name: None };
    let author = author(request, caller, asked.author.unwrap_or(by_default))?;
    Ok(Wish {
        author,
        content,
        reply_to: asked.reply_to,
        key,
        request_hash: None,
        holds: false,
        fallback_after: asked.fallback_after,
        replaces: None,
    })
}

/// The refusal with what would still pass.
pub(super) async fn window_closed(request: &HttpRequest, doors: &Doors, channel_id: &str, window: &Window) -> Failure {
    let switchboard = &doors.switchboard;
    let account = switchboard.directory.channel(channel_id).await.ok().flatten();
    // A person of ours may write longer where the vendor has this tag; a program and an agent may not.
    let rule = account.as_ref().map(|account| account.window_rule());
    let tag = matches!(rule, Some(WindowRule::SinceLastInbound { human_length_ms: Some(_), .. }));
    let listed = match account {
        Some(account) => switchboard.approved_templates(&account, &doors.client).await.ok(),
        None => None,
    };
    let (templates, read_at, reason) = match listed {
        // What was listed before is worth telling while the vendor is out of reach.
        Some((list, state)) if state.problem.is_none() || !list.is_empty() => {
            (Some(list), state.read_at, state.problem)
        }
        Some((_, state)) => (None, state.read_at, state.problem),
        None => (None, None, Some("the channel could not be read".to_owned())),
    };
    Failure::new(
        request,
        Code::WindowClosed,
        "the messaging window is closed: only a template passes; nothing was stored",
    )
    .with(json!({
        "closed_at": window.expires_at,
        "templates": templates,
        "templates_read_at": read_at,
        "templates_reason": reason,
        "human_agent_tag": tag,
    }))
}
