//! `/api/conversations`: with whom we speak, who owns it, and how its actor is.

pub mod beginning;
pub mod messages;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use switchboard_channels::Kind;
use switchboard_channels::contract::failure::Fault;

use crate::actors::errands::Observed;
use crate::api::authentication::{Caller, Manage, Read, Write};
use crate::api::failure::{Failure, no_such_method};
use crate::api::reading::{self, Page, Query};
use crate::api::{Doors, limiting};
use crate::domain::contacts::Contact;
use crate::domain::conversations::{Amendment, ConversationStatus, MOST_HELD, Owner};
use crate::domain::errors::{Code, FieldProblem};
use crate::domain::principals::Principal;
use crate::domain::traces::Spending;
use crate::domain::windows::Window;
use crate::store::conversations::{StoredConversation, Which};
use crate::usecases::Switchboard;
use crate::usecases::conversing::Unsaid;

/// Longest display name of a person, in characters.
const LONGEST_NAME: usize = 200;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .service(
            web::resource("/api/conversations")
                .route(web::get().to(list))
                .route(web::post().to(beginning::begin))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/conversations/{id}")
                .route(web::get().to(one))
                .route(web::patch().to(change))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/conversations/{id}/read")
                .route(web::post().to(read))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/conversations/{id}/typing")
                .route(web::post().to(typing))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/conversations/{id}/state")
                .route(web::get().to(state))
                .default_service(web::route().to(no_such_method)),
        )
        .configure(messages::configure);
}

/// A page of conversations.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Conversations {
    /// The conversations, those with the newest message first.
    pub items: Vec<ConversationView>,
    /// How many there are in all.
    #[schema(example = 1)]
    pub total: i64,
}

/// A conversation.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Conversation)]
pub struct ConversationView {
    /// UUID.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000004")]
    pub id: String,
    /// Its channel.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000003")]
    pub channel_id: String,
    /// The channel's kind.
    pub channel_kind: Kind,
    /// The person.
    pub contact: Contact,
    /// The agent that answers while the agent owns it.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000002")]
    pub agent_id: Option<String>,
    /// Who answers.
    pub owner: Owner,
    /// Closed once it is settled; the person's next message opens it again.
    pub status: ConversationStatus,
    /// Unix milliseconds at which it was opened the last time.
    #[schema(example = 1_767_225_000_000_i64)]
    pub opened_at: i64,
    /// Unix milliseconds since which it is closed; null while it is open.
    #[schema(example = json!(null))]
    pub closed_at: Option<i64>,
    /// The messaging window.
    pub window: Window,
    /// Sequence number of the newest message.
    #[schema(example = 12)]
    pub last_seq: i64,
    /// Unix milliseconds of the newest message.
    #[schema(example = 1_767_225_600_000_i64)]
    pub last_message_at: i64,
    /// Unix milliseconds.
    #[schema(example = 1_767_225_000_000_i64)]
    pub created_at: i64,
    /// What its agents' models have cost; in the answer about this one conversation only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Spending>,
}

impl ConversationView {
    async fn new(
        request: &HttpRequest,
        switchboard: &Switchboard,
        stored: StoredConversation,
    ) -> Result<Self, Failure> {
        let window = switchboard.window(&stored).await.map_err(|error| Failure::store(request, &error))?;
        let StoredConversation { state, contact_name, identities } = stored;
        Ok(Self {
            id: state.id,
            channel_id: state.channel_id,
            channel_kind: state.kind,
            contact: Contact { id: state.contact_id, name: contact_name, identities },
            agent_id: state.agent_id,
            owner: state.owner,
            status: state.standing.status(),
            opened_at: state.standing.opened_at,
            closed_at: state.standing.closed_at,
            window,
            last_seq: state.last_seq,
            last_message_at: state.last_message_at,
            created_at: state.created_at,
            usage: None,
        })
    }
}

/// What shall change.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConversationPatch {
    /// Who answers from now on. A person's `id` is a member's; that one's name is taken. A person who gets a closed
    /// conversation has it open.
    pub owner: Option<Owner>,
    /// `closed`: it is settled; whoever answered at its beginning answers when the person writes again. Not together
    /// with an owner.
    pub status: Option<ConversationStatus>,
}

/// Which conversations to list.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what the handler reads")]
pub struct Filter {
    /// Only those of this channel.
    #[param(format = "uuid", example = "0198c1d2-7e00-7000-8000-000000000003")]
    channel_id: Option<String>,
    /// Only those of this person, the contacts that were merged into them included.
    #[param(format = "uuid", example = "0198c1d2-7e00-7000-8000-000000000006")]
    contact_id: Option<String>,
    /// Only those that are open, or closed.
    status: Option<ConversationStatus>,
    /// Only those that are answered by the agent, by a person, or by nobody.
    #[param(inline)]
    owner: Option<OwnerKind>,
    /// Only those that this member answers, by their user id.
    #[param(format = "uuid", example = "0198c1d2-7e00-7000-8000-000000000008")]
    assignee_id: Option<String>,
}

/// Who answers, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OwnerKind {
    /// The channel's agent.
    Agent,
    /// A person.
    Human,
    /// Nobody.
    Nobody,
}

/// Lists the conversations of the workspace.
///
/// # Errors
/// 400 for a query that is not as documented.
#[utoipa::path(get, path = "/api/conversations", tag = "conversations", extensions(("x-permission" = json!("read"))), params(Filter, Page),
    responses((status = 200, description = "The conversations.", body = Conversations),
              (status = 400, description = "The query is not as documented.", body = crate::api::failure::FailureBody)))]
pub async fn list(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Failure> {
    let mut query = Query::of(&request);
    let channel = query.word("channel_id", "the id of a channel", |text| reading::id(&request, text, "channel").ok());
    let contact = query.word("contact_id", "the id of a contact", |text| reading::id(&request, text, "contact").ok());
    let status = query.word("status", "open or closed", |text| match text {
        "open" => Some(ConversationStatus::Open),
        "closed" => Some(ConversationStatus::Closed),
        _ => None,
    });
    let owner = query.word("owner", "agent, human or nobody", |text| match text {
        "agent" => Some(Owner::Agent),
        "human" => Some(Owner::anybody()),
        "nobody" => Some(Owner::Nobody),
        _ => None,
    });
    let member = query.word("assignee_id", "the id of a user", |text| reading::id(&request, text, "user").ok());
    let (limit, offset) = query.page();
    query.check(&request)?;
    let owner = match (member, owner) {
        (Some(id), None | Some(Owner::Human { .. })) => Some(Owner::Human { id: Some(id), name: None }),
        (Some(_), Some(_)) => {
            let problem = FieldProblem::new("assignee_id", "nothing, but with owner human");
            return Err(Failure::fields(&request, &[problem]));
        }
        (None, owner) => owner,
    };
    let switchboard = &doors.switchboard;
    let workspace_id = caller.workspace_id();
    let which = Which { channel_id: channel, status, owner };
    let found = match contact {
        Some(contact) => switchboard.conversations_of_person(workspace_id, &contact, &which, limit, offset).await,
        None => switchboard.store.conversations(workspace_id, &which, limit, offset).await,
    };
    let (found, total) = found.map_err(|error| Failure::store(&request, &error))?;
    let mut items = Vec::with_capacity(found.len());
    for stored in found {
        items.push(ConversationView::new(&request, switchboard, stored).await?);
    }
    Ok(HttpResponse::Ok().json(Conversations { items, total }))
}

/// Reads one conversation.
///
/// # Errors
/// 404 for an unknown conversation.
#[utoipa::path(get, path = "/api/conversations/{id}", tag = "conversations", extensions(("x-permission" = json!("read"))),
    params(("id" = String, Path, description = "The conversation.")),
    responses((status = 200, description = "The conversation.", body = ConversationView),
              (status = 404, description = "There is no such conversation.", body = crate::api::failure::FailureBody)))]
pub async fn one(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let stored = find(&request, &caller, &doors, &path).await?;
    let spent = doors.switchboard.store.spending(caller.workspace_id(), &stored.state.id).await;
    let usage = Some(spent.map_err(|error| Failure::store(&request, &error))?);
    let view = ConversationView::new(&request, &doors.switchboard, stored).await?;
    Ok(HttpResponse::Ok().json(ConversationView { usage, ..view }))
}

/// Gives a conversation to its agent, to a person, or to nobody; closes it, or opens it again.
///
/// # Errors
/// 400 for fields that are not as documented, 404 for an unknown conversation, 503 when it is quarantined.
#[utoipa::path(patch, path = "/api/conversations/{id}", tag = "conversations", extensions(("x-permission" = json!("write"))),
    params(("id" = String, Path, description = "The conversation.")), request_body = ConversationPatch,
    responses((status = 200, description = "The conversation as it is now.", body = ConversationView),
              (status = 400, description = "Fields are not as documented.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such conversation.", body = crate::api::failure::FailureBody)))]
pub async fn change(
    request: HttpRequest,
    caller: Caller<Write>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let stored = find(&request, &caller, &doors, &path).await?;
    let asked: ConversationPatch = reading::json(&request, &doors, payload).await?;
    let amendment = amendment(&request, asked)?;
    let id = stored.state.id;
    let amended = doors.switchboard.amend(caller.workspace_id(), &id, amendment).await;
    amended.map_err(|unsaid| refuse(&request, unsaid))?;
    let stored = find(&request, &caller, &doors, &id).await?;
    Ok(HttpResponse::Ok().json(ConversationView::new(&request, &doors.switchboard, stored).await?))
}

fn amendment(request: &HttpRequest, asked: ConversationPatch) -> Result<Amendment, Failure> {
    let owner = match (asked.owner, asked.status) {
        (None, Some(ConversationStatus::Closed)) => return Ok(Amendment::Close),
        (None, Some(ConversationStatus::Open)) => return Ok(Amendment::Reopen),
        (Some(owner), None) => owner,
        _ => return Err(Failure::fields(request, &[FieldProblem::new("owner", "either owner or status")])),
    };
    if let Owner::Human { name: Some(name), .. } = &owner {
        judge_name(request, "owner.name", name)?;
    }
    Ok(Amendment::Assign(owner))
}

/// Marks the newest message of the person as read at the vendor.
///
/// # Errors
/// 404 for an unknown conversation, 502 when the vendor refuses.
#[utoipa::path(post, path = "/api/conversations/{id}/read", tag = "conversations", extensions(("x-permission" = json!("write"))),
    params(("id" = String, Path, description = "The conversation.")),
    responses((status = 204, description = "The vendor knows."),
              (status = 404, description = "There is no such conversation.", body = crate::api::failure::FailureBody),
              (status = 502, description = "The vendor refused.", body = crate::api::failure::FailureBody)))]
pub async fn read(
    request: HttpRequest,
    caller: Caller<Write>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    mark(&request, &caller, &doors, &path, false).await
}

/// Shows the person that somebody is typing; the vendor marks their newest message as read with it.
///
/// # Errors
/// 404 for an unknown conversation, 502 when the vendor refuses.
#[utoipa::path(post, path = "/api/conversations/{id}/typing", tag = "conversations", extensions(("x-permission" = json!("write"))),
    params(("id" = String, Path, description = "The conversation.")),
    responses((status = 204, description = "The vendor knows."),
              (status = 404, description = "There is no such conversation.", body = crate::api::failure::FailureBody),
              (status = 502, description = "The vendor refused.", body = crate::api::failure::FailureBody)))]
pub async fn typing(
    request: HttpRequest,
    caller: Caller<Write>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    mark(&request, &caller, &doors, &path, true).await
}

/// Shows how the conversation's actor is.
///
/// # Errors
/// 404 for an unknown conversation, 503 when it is quarantined.
#[utoipa::path(get, path = "/api/conversations/{id}/state", tag = "conversations", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The conversation.")),
    responses((status = 200, description = "What its actor holds.", body = Observed),
              (status = 404, description = "There is no such conversation.", body = crate::api::failure::FailureBody),
              (status = 503, description = "It keeps failing and is quarantined.", body = crate::api::failure::FailureBody)))]
pub async fn state(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let stored = find(&request, &caller, &doors, &path).await?;
    let observed = doors.switchboard.conversations.observe(&stored.state.id).await;
    let observed = observed.map_err(|error| refuse(&request, error.into()))?;
    Ok(HttpResponse::Ok().json(observed))
}

async fn mark(
    request: &HttpRequest,
    caller: &Principal,
    doors: &Doors,
    id: &str,
    typing: bool,
) -> Result<HttpResponse, Failure> {
    let id = reading::id(request, id, "conversation")?;
    let marked = doors.switchboard.mark_read(caller.workspace_id(), &id, typing, &doors.client).await;
    match marked {
        Ok(()) => Ok(HttpResponse::NoContent().finish()),
        Err(Unsaid::Content(failure)) => Err(Failure::new(request, Code::UpstreamFailed, failure.message.clone())
            .with(serde_json::json!({ "code": failure.code, "vendor_code": failure.vendor_code }))),
        Err(unsaid) => Err(refuse(request, unsaid)),
    }
}

async fn find(
    request: &HttpRequest,
    caller: &Principal,
    doors: &Doors,
    id: &str,
) -> Result<StoredConversation, Failure> {
    let id = reading::id(request, id, "conversation")?;
    let found = doors.switchboard.store.conversation(caller.workspace_id(), &id).await;
    let found = found.map_err(|error| Failure::store(request, &error))?;
    found.ok_or_else(|| Failure::not_found(request, "conversation"))
}

fn judge_name(request: &HttpRequest, field: &str, name: &str) -> Result<(), Failure> {
    let good = !name.trim().is_empty() && name.chars().count() <= LONGEST_NAME && !name.contains('\0');
    let expected = format!("a name of 1 to {LONGEST_NAME} characters");
    if good { Ok(()) } else { Err(Failure::fields(request, &[FieldProblem::new(field, expected)])) }
}

/// What a use case refused, in the envelope.
pub(super) fn refuse(request: &HttpRequest, unsaid: Unsaid) -> Failure {
    match unsaid {
        Unsaid::UnknownConversation => Failure::not_found(request, "conversation"),
        Unsaid::UnknownReply => {
            Failure::fields(request, &[FieldProblem::absent("reply_to", "the id of a message of this conversation")])
        }
        Unsaid::WindowClosed(window) => {
            Failure::new(request, Code::WindowClosed, "the messaging window is closed; nothing was stored")
                .with(serde_json::json!({ "closed_at": window.expires_at }))
        }
        Unsaid::UnknownMember => {
            Failure::fields(request, &[FieldProblem::absent("owner.id", "the user id of a member of this workspace")])
        }
        Unsaid::TooManyHeld => {
            let message = format!("{MOST_HELD} messages wait for this person already; nothing was stored");
            Failure::new(request, Code::Conflict, message)
        }
        Unsaid::Suppressed(failure) => {
            let opted_out = failure.code == Code::RecipientOptedOut.as_str();
            let code = if opted_out { Code::RecipientOptedOut } else { Code::RecipientSuppressed };
            Failure::new(request, code, failure.message.clone())
                .with(serde_json::json!({ "code": failure.code, "problem": failure.message }))
        }
        Unsaid::Content(failure) => {
            let code = match (failure.code.as_str(), failure.fault) {
                ("MESSAGE_TOO_LONG", _) => Code::MessageTooLong,
                (_, Fault::Operator) => Code::Conflict,
                _ => Code::InvalidContent,
            };
            Failure::new(request, code, failure.message.clone())
                .with(serde_json::json!({ "code": failure.code, "problem": failure.message }))
        }
        Unsaid::KeyMismatch => Failure::new(
            request,
            Code::IdempotencyMismatch,
            "this Idempotency-Key was used before with a different request",
        ),
        Unsaid::UsedUp(used_up) => limiting::used_up(request, &used_up),
        Unsaid::Elsewhere => Failure::new(
            request,
            Code::Conflict,
            "the person's conversation changed at the same time; nothing was stored",
        ),
        Unsaid::Quarantined => Failure::new(
            request,
            Code::ConversationQuarantined,
            "the conversation keeps failing and is held for an operator to look at",
        ),
        Unsaid::Unavailable(reason) => Failure::unavailable(request, &reason),
    }
}
