//! A member's line into the events of the workspace: what was missed since a number, then what happens, in order, without
//! gap or repetition. It trusts the sequence numbers alone; where one is missing it reads the store.

mod frames;
mod reading;

use std::sync::Arc;
use std::time::Instant;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, StreamHandler, WrapFuture};
use actix_web::web;
use actix_web_actors::ws::{CloseCode, CloseReason, Message, ProtocolError, WebsocketContext};

use self::frames::{ClientFrame, Name, ServerFrame};
use super::State;
use super::allowance::Allowance;
use crate::actors::hub::{Presence, Sight};
use crate::domain::principals::{Permission, Principal};
use crate::store::StoreError;
use crate::store::events::{EventBounds, EventFilter};
use crate::usecases::authenticating::Stranger;

pub(super) use self::frames::{Opening, Presented};

/// Frames that a client may send at once, and those a second that it may go on sending.
const FRAMES: (u16, u16) = (50, 10);
/// Missed events that are told one by one; who missed more reads anew.
const MOST_MISSED: i64 = 10_000;

/// What a line may see, and how far it has.
struct Seat {
    principal: Arc<Principal>,
    /// Asked again from time to time: it may be revoked.
    presented: Presented,
    filter: EventFilter,
    /// Everything up to here was told.
    told: i64,
    /// Events written out, and those of them that the client has taken in.
    sent: u64,
    taken: u64,
    /// It was said that nothing is missed any more.
    is_live: bool,
    _presence: Presence,
}

/// The actor of one line.
pub(super) struct Live {
    state: web::Data<State>,
    opening: Option<Opening>,
    seat: Option<Box<Seat>>,
    heard_at: Instant,
    frames: Allowance,
}

type Context = WebsocketContext<Live>;

/// What was found out about a line that opens.
struct Found {
    principal: Arc<Principal>,
    presented: Presented,
    bounds: EventBounds,
}

/// Why a line does not open.
enum Unopened {
    Unknown,
    WhichWorkspace,
    Forbidden,
    Unavailable(StoreError),
}

impl From<Stranger> for Unopened {
    fn from(stranger: Stranger) -> Self {
        match stranger {
            Stranger::Store(error) => Self::Unavailable(error),
            Stranger::WhichWorkspace => Self::WhichWorkspace,
            Stranger::Unknown | Stranger::ForeignWorkspace => Self::Unknown,
        }
    }
}

impl From<StoreError> for Unopened {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error)
    }
}

impl Live {
    pub(super) fn new(state: web::Data<State>, opening: Opening) -> Self {
        let now = Instant::now();
        Self {
            state,
            opening: Some(opening),
            seat: None,
            heard_at: now,
            frames: Allowance::new(now, FRAMES.0, FRAMES.1),
        }
    }

    fn hang_up(context: &mut Context, code: CloseCode, reason: &str) {
        context.close(Some(CloseReason { code, description: Some(reason.to_owned()) }));
        context.stop();
    }

    fn refuse(context: &mut Context, code: &str, message: &str) {
        context.text(ServerFrame::Error { code, message }.text());
    }

    fn put_off(context: &mut Context, error: &StoreError) {
        tracing::warn!(%error, "a member's line was closed until later");
        Self::hang_up(context, CloseCode::Again, "try again later");
    }

    fn hear(&mut self, text: &str, context: &mut Context) {
        if !self.frames.take(Instant::now()) {
            return Self::hang_up(context, CloseCode::Policy, "too many frames");
        }
        match serde_json::from_str(text) {
            Ok(ClientFrame::Hello { token, question }) => match self.opening.take() {
                Some(opening) => self.greet(opening.with(token, question), context),
                None => Self::refuse(context, "INVALID_FRAME", "The line is open already."),
            },
            Ok(ClientFrame::Ping) if self.seat.is_some() => context.text(ServerFrame::Pong.text()),
            Ok(ClientFrame::Typing { conversation_id }) if self.seat.is_some() => {
                self.show_typing(conversation_id, context);
            }
            Ok(_) => {
                Self::refuse(context, "NOT_OPEN", "The first frame must be hello.");
                Self::hang_up(context, CloseCode::Policy, "the first frame must be hello");
            }
            Err(_) => Self::refuse(context, "INVALID_FRAME", "This could not be understood."),
        }
    }

    /// Opens the line for a credential that may read.
    fn greet(&mut self, opening: Opening, context: &mut Context) {
        let question = match opening.question.filter() {
            Ok(filter) => (filter, opening.question.since),
            Err(problem) => {
                Self::refuse(context, "INVALID_REQUEST", &problem);
                return Self::hang_up(context, CloseCode::Policy, "the line cannot be opened like that");
            }
        };
        let switchboard = self.state.switchboard.clone();
        let finding = async move {
            let presented = opening.presented.ok_or(Unopened::Unknown)?;
            let workspace_id = opening.question.workspace_id.map(|id| id.to_ascii_lowercase());
            let principal = switchboard.authenticate(presented.credential(), workspace_id.as_deref()).await?;
            if !principal.may(Permission::Read) {
                return Err(Unopened::Forbidden);
            }
            // Watched before the bounds are read, so that nothing can happen between the two.
            let watching = switchboard.hub.watch(principal.workspace_id());
            let bounds = switchboard.store.event_bounds(principal.workspace_id()).await?.ok_or(Unopened::Unknown)?;
            Ok((Found { principal, presented, bounds }, watching))
        };
        let opened = finding.into_actor(self).map(move |found, line, context| match found {
            Ok((found, watching)) => {
                context.add_stream(watching);
                line.welcome(found, question, context);
            }
            Err(Unopened::Unavailable(error)) => Self::put_off(context, &error),
            Err(Unopened::Unknown) => {
                Self::refuse(context, "UNAUTHENTICATED", "The credential is missing or not good.");
                Self::hang_up(context, CloseCode::Policy, "the credential is not good");
            }
            Err(Unopened::WhichWorkspace) => {
                Self::refuse(context, "INVALID_REQUEST", "workspace_id: the id of one of your workspaces");
                Self::hang_up(context, CloseCode::Policy, "the line cannot be opened like that");
            }
            Err(Unopened::Forbidden) => {
                Self::refuse(context, "FORBIDDEN", "The credential does not allow to read events.");
                Self::hang_up(context, CloseCode::Policy, "the credential does not allow this");
            }
        });
        context.wait(opened);
    }

    fn welcome(&mut self, found: Found, (filter, since): (EventFilter, Option<i64>), context: &mut Context) {
        let Found { principal, presented, bounds } = found;
        let hub = &self.state.switchboard.hub;
        let heartbeat_ms = u64::try_from(self.state.options.heartbeat.as_millis()).unwrap_or(u64::MAX);
        let welcome = ServerFrame::Welcome { workspace_id: principal.workspace_id(), seq: bounds.newest, heartbeat_ms };
        context.text(welcome.text());
        let can_be_told = |since: &i64| bounds.covers(*since) && bounds.newest - since <= MOST_MISSED;
        let told = since.filter(can_be_told).unwrap_or(bounds.newest);
        if since.is_some_and(|since| !can_be_told(&since)) {
            context.text(ServerFrame::Resync { seq: told }.text());
        }
        let presence = hub.enter(principal.workspace_id(), &principal.name);
        self.seat = Some(Box::new(Seat {
            principal,
            presented,
            filter,
            told,
            sent: 0,
            taken: 0,
            is_live: false,
            _presence: presence,
        }));
        self.catch_up(context);
    }

    /// Looks whether the client lives and its credential is still good.
    fn beat(&mut self, context: &mut Context) {
        if self.heard_at.elapsed() >= self.state.options.silence {
            return Self::hang_up(context, CloseCode::Away, "the line was silent");
        }
        let Some(seat) = self.seat.as_deref() else { return };
        context.ping(&seat.sent.to_be_bytes());
        let (switchboard, presented) = (self.state.switchboard.clone(), seat.presented.clone());
        let principal = Arc::clone(&seat.principal);
        let asking =
            async move { switchboard.authenticate(presented.credential(), Some(principal.workspace_id())).await };
        let asked = asking.into_actor(self).map(|found, _, context: &mut Context| {
            // While the store is away nothing is known against the credential.
            let is_good = match found {
                Ok(principal) => principal.may(Permission::Read),
                Err(stranger) => matches!(stranger, Stranger::Store(_)),
            };
            if !is_good {
                Self::refuse(context, "UNAUTHENTICATED", "The credential is not good any more.");
                Self::hang_up(context, CloseCode::Policy, "the credential is not good any more");
            }
        });
        context.spawn(asked);
    }

    /// Shows the other members, and where the channel can the contact, that this one is writing.
    fn show_typing(&mut self, conversation_id: String, context: &mut Context) {
        let Some(seat) = self.seat.as_deref() else { return };
        if !seat.principal.may(Permission::Write) {
            return Self::refuse(context, "FORBIDDEN", "The credential does not allow to write.");
        }
        let (switchboard, client) = (self.state.switchboard.clone(), self.state.client.clone());
        let principal = Arc::clone(&seat.principal);
        let showing = async move {
            let workspace_id = principal.workspace_id();
            let known = switchboard.store.conversation(workspace_id, &conversation_id).await;
            if !known.is_ok_and(|known| known.is_some()) {
                return;
            }
            switchboard.hub.show_typing(workspace_id, &conversation_id, Some(&principal.name));
            if let Err(error) = switchboard.mark_read(workspace_id, &conversation_id, true, &client).await {
                tracing::debug!(?error, "the contact was not shown that somebody is writing");
            }
        };
        context.spawn(showing.into_actor(self));
    }

    fn show_present(&self, context: &mut Context) {
        let Some(seat) = self.seat.as_deref() else { return };
        let present = self.state.switchboard.hub.present(seat.principal.workspace_id());
        let members = present.iter().map(|name| Name { name }).collect();
        context.text(ServerFrame::Presence { members }.text());
    }
}

impl Actor for Live {
    type Context = Context;

    fn started(&mut self, context: &mut Context) {
        metrics::gauge!("switchboard_sockets_open").increment(1.0);
        if let Some(opening) = self.opening.take_if(|opening| opening.is_whole()) {
            self.greet(opening, context);
        }
        context.run_later(self.state.options.hello_within, |line, context| {
            if line.opening.is_some() {
                Self::hang_up(context, CloseCode::Policy, "no hello came");
            }
        });
        context.run_interval(self.state.options.heartbeat, Self::beat);
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        metrics::gauge!("switchboard_sockets_open").decrement(1.0);
    }
}

impl StreamHandler<Sight> for Live {
    fn handle(&mut self, sight: Sight, context: &mut Context) {
        match sight {
            Sight::Event(event) => self.tell_live(&event, context),
            Sight::Resync => self.catch_up(context),
            Sight::Presence => self.show_present(context),
            Sight::Typing { conversation_id, member } => {
                let wanted = self.seat.as_deref().and_then(|seat| seat.filter.conversation_id.as_deref());
                if wanted.is_none_or(|wanted| *wanted == *conversation_id) {
                    let from = if member.is_some() { "member" } else { "contact" };
                    let name = member.as_deref();
                    context.text(ServerFrame::Typing { conversation_id: &conversation_id, from, name }.text());
                }
            }
            Sight::TurnStarted { .. } | Sight::Delta { .. } | Sight::TurnEnded { .. } => {}
        }
    }

    /// The hub lets go of a watcher that has fallen behind; the store has what it missed.
    fn finished(&mut self, context: &mut Context) {
        let Some(seat) = self.seat.as_deref() else { return };
        context.add_stream(self.state.switchboard.hub.watch(seat.principal.workspace_id()));
        self.catch_up(context);
    }
}

impl StreamHandler<Result<Message, ProtocolError>> for Live {
    fn handle(&mut self, message: Result<Message, ProtocolError>, context: &mut Context) {
        self.heard_at = Instant::now();
        match message {
            Ok(Message::Text(text)) => self.hear(&text, context),
            Ok(Message::Ping(payload)) => context.pong(&payload),
            Ok(Message::Pong(payload)) => self.take_note(&payload, context),
            Ok(Message::Nop) => {}
            Ok(Message::Binary(_) | Message::Continuation(_)) => {
                Self::hang_up(context, CloseCode::Unsupported, "a frame is one whole text");
            }
            Ok(Message::Close(reason)) => {
                context.close(reason);
                context.stop();
            }
            Err(ProtocolError::Overflow) => Self::hang_up(context, CloseCode::Size, "the frame is too large"),
            Err(ProtocolError::Io(_)) => Self::hang_up(context, CloseCode::Invalid, "the frame could not be read"),
            Err(_) => Self::hang_up(context, CloseCode::Protocol, "the frame breaks the protocol"),
        }
    }
}
