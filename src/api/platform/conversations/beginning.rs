//! `POST /api/conversations`: speaking first.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use switchboard_channels::contract::content::Content;

use super::messages::{NewAuthor, NewAuthorKind, author, content, window_closed};
use super::{ConversationView, judge_name, refuse};
use crate::api::authentication::{Caller, Write};
use crate::api::failure::Failure;
use crate::api::{Doors, reading};
use crate::domain::errors::{Code, FieldProblem};
use crate::domain::messages::Message;
use crate::domain::principals::Actor;
use crate::usecases::beginning::{Unbegun, Whom};
use crate::usecases::conversing::{Unsaid, Wish};

/// What to say to whom, over which channel.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewConversation {
    /// The channel.
    #[schema(format = "uuid", example = "0198c1d2-7e00-7000-8000-000000000003")]
    channel_id: String,
    /// A phone number in E.164 or an email address. Either this or `contact_id`.
    #[schema(format = "email or phone", example = "+14155551234")]
    to: Option<String>,
    /// A contact: by what the channel calls them, their phone number or their email address.
    #[schema(format = "uuid", example = json!(null))]
    contact_id: Option<String>,
    /// Display name, where the person is new.
    #[schema(format = "filled", max_length = 200, example = "Jane Doe")]
    name: Option<String>,
    /// Who says it. With an API key it is a program unless you say otherwise: the agent answers what comes back. With a
    /// session it is the person, who owns the conversation.
    author: Option<NewAuthor>,
    /// Plain text. Either this or `content`.
    #[schema(format = "filled", example = "Your order has been shipped.")]
    body: Option<String>,
    /// Typed content; a template, where the channel lets nothing else pass.
    #[schema(example = json!(null))]
    content: Option<Content>,
}

/// What was said first, and where.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct BegunConversation {
    /// The conversation: the one that the person had there, or a new one.
    pub conversation: ConversationView,
    /// The message.
    pub message: Message,
}

/// Says something to a person who has not written, or not for a long time: in the conversation that they have on the
/// channel, or in a new one; where the channel has threads, in a new one. A repeated `Idempotency-Key` gives the first
/// answer again, with `Idempotent-Replayed: true`.
///
/// # Errors
/// 400 for fields that are not as documented, 402 when the month's messages are used up, 404 for an unknown channel or
/// contact, 409 when the window is closed or the key was used for something else, 422 for content that the channel
/// cannot carry and for people whom it does not reach.
#[utoipa::path(post, path = "/api/conversations", tag = "conversations", extensions(("x-permission" = json!("write"))),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters: the same key says it once.")),
    request_body = NewConversation,
    responses((status = 201, description = "It is committed.", body = BegunConversation),
              (status = 400, description = "Fields are not as documented.", body = crate::api::failure::FailureBody),
              (status = 402, description = "`MESSAGE_LIMIT_REACHED`: the plan's messages of this month are used up; nothing was stored.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such channel or contact.", body = crate::api::failure::FailureBody),
              (status = 409, description = "The window is closed, or the key was used for something else.", body = crate::api::failure::FailureBody),
              (status = 422, description = "The channel cannot carry it or does not reach this person, or nothing is sent to them.", body = crate::api::failure::FailureBody)))]
pub async fn begin(
    request: HttpRequest,
    caller: Caller<Write>,
    doors: web::Data<Doors>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let key = reading::idempotency_key(&request)?;
    let asked: NewConversation = reading::json(&request, &doors, payload).await?;
    let channel_id = reading::id(&request, &asked.channel_id, "channel")?;
    let whom = match (asked.to, asked.contact_id) {
        (Some(to), None) => Whom::Address(to),
        (None, Some(id)) => Whom::Contact(reading::id(&request, &id, "contact")?),
        _ => return Err(Failure::fields(&request, &[FieldProblem::new("to", "either to or contact_id")])),
    };
    if let Some(name) = &asked.name {
        judge_name(&request, "name", name)?;
    }
    let content = content(&request, asked.body, asked.content)?;
    let kind = if matches!(caller.actor, Actor::Member { .. }) { NewAuthorKind::Human } else { NewAuthorKind::System };
    let author = author(&request, &caller, asked.author.unwrap_or(NewAuthor { kind, name: None }))?;
    let wish = Wish {
        author,
        content,
        reply_to: None,
        key,
        request_hash: None,
        holds: false,
        fallback_after: None,
        replaces: None,
    };
    match doors.switchboard.begin(caller.workspace_id(), &channel_id, &whom, asked.name, wish).await {
        Ok(begun) => {
            let mut response = HttpResponse::Created();
            if begun.repeated {
                response.insert_header(("Idempotent-Replayed", "true"));
            }
            let conversation = ConversationView::new(&request, &doors.switchboard, begun.conversation).await?;
            Ok(response.json(BegunConversation { conversation, message: begun.message }))
        }
        Err(Unbegun::Unsaid(Unsaid::WindowClosed(window))) => {
            Err(window_closed(&request, &doors, &channel_id, &window).await)
        }
        Err(unbegun) => Err(refuse_begin(&request, &whom, unbegun)),
    }
}

fn refuse_begin(request: &HttpRequest, whom: &Whom, unbegun: Unbegun) -> Failure {
    match unbegun {
        Unbegun::UnknownChannel => Failure::not_found(request, "channel"),
        Unbegun::UnknownContact => Failure::not_found(request, "contact"),
        Unbegun::NoAddress => {
            let problem = FieldProblem::new("to", "a phone number in E.164 or an email address");
            Failure::fields(request, &[problem])
        }
        Unbegun::OutOfReach => {
            let field = if matches!(whom, Whom::Contact(_)) { "contact_id" } else { "to" };
            let message = "this channel reaches nobody by what is known of them: they have to write first";
            Failure::new(request, Code::InvalidContent, message)
                .with(serde_json::json!({ "code": "OUT_OF_REACH", "field": field }))
        }
        Unbegun::Unsaid(unsaid) => refuse(request, unsaid),
    }
}
