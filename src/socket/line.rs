//! One WebSocket: its first frame, its heartbeat, what its client says and how much of it. What happens in the
//! conversation is told by `visit`.

use std::time::Instant;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, StreamHandler, WrapFuture};
use actix_web::web;
use actix_web_actors::ws::{CloseCode, CloseReason, Message, ProtocolError, WebsocketContext};
use bytes::Bytes;

use super::allowance::Allowance;
use super::frames::{AgentName, ClientFrame, Said, ServerFrame, Unread, is_client_id, is_message_id, read};
use super::visit::Visit;
use super::{LARGEST_FRAME, State};
use crate::domain::principals::Visitor;
use crate::usecases::visiting::{Attendance, Unvisited};

/// Frames of any kind that a client may send at once, and those a second that it may go on sending.
const FRAMES: (u16, u16) = (200, 40);

/// Why a line could not be opened.
enum Unopened {
    /// The token is not good, or its widget is gone.
    Token,
    /// The widget may not be used from there.
    Origin,
    /// Not now.
    Unavailable(String),
}

impl From<Unvisited> for Unopened {
    fn from(unvisited: Unvisited) -> Self {
        match unvisited {
            Unvisited::UnknownChannel => Self::Token,
            Unvisited::Unavailable(reason) => Self::Unavailable(reason),
        }
    }
}

/// The actor of one socket. An idle one is small: what it follows is in its `visit`, which a line gets by its hello.
pub(super) struct Line {
    pub(super) state: web::Data<State>,
    pub(super) visit: Option<Box<Visit>>,
    origin: Option<Box<str>>,
    greeted: bool,
    heard_at: Instant,
    sends: Allowance,
    frames: Allowance,
    /// The pieces of a message that comes in several frames.
    pieces: Vec<u8>,
}

pub(super) type Context = WebsocketContext<Line>;

impl Line {
    pub(super) fn new(state: web::Data<State>, origin: Option<Box<str>>) -> Self {
        let now = Instant::now();
        Self {
            sends: Allowance::new(now, state.options.burst, state.options.rate),
            frames: Allowance::new(now, FRAMES.0, FRAMES.1),
            state,
            visit: None,
            origin,
            greeted: false,
            heard_at: now,
            pieces: Vec::new(),
        }
    }

    /// Says why, and hangs up.
    pub(super) fn hang_up(context: &mut Context, code: CloseCode, reason: &str) {
        context.close(Some(CloseReason { code, description: Some(reason.to_owned()) }));
        context.stop();
    }

    fn refuse(context: &mut Context, code: &str, message: &str, client_id: Option<&str>) {
        context.text(ServerFrame::Error { code, message, client_id }.text());
    }

    fn beat(&mut self, context: &mut Context) {
        if self.heard_at.elapsed() >= self.state.options.silence {
            Self::hang_up(context, CloseCode::Away, "the line was silent");
        } else {
            context.ping(b"");
        }
    }

    fn hear(&mut self, text: &str, context: &mut Context) {
        if text.len() > LARGEST_FRAME {
            return Self::hang_up(context, CloseCode::Size, "the frame is too large");
        }
        if !self.frames.take(Instant::now()) {
            return Self::hang_up(context, CloseCode::Policy, "too many frames");
        }
        match read(text) {
            Ok(ClientFrame::Hello { token, since }) if !self.greeted => self.greet(&token, since, context),
            Ok(_) if self.visit.is_none() => {
                Self::refuse(context, "NOT_OPEN", "The first frame must be hello.", None);
                Self::hang_up(context, CloseCode::Policy, "the first frame must be hello");
            }
            Ok(ClientFrame::Hello { .. }) => Self::refuse(context, "INVALID_FRAME", "The line is open already.", None),
            Ok(ClientFrame::Send { client_id, content, reply_to }) => self.send(client_id, content, reply_to, context),
            Ok(ClientFrame::Seen { seq }) => self.see(seq, context),
            Ok(ClientFrame::Typing) => self.tell_typing(),
            Ok(ClientFrame::Ping) => context.text(ServerFrame::Pong.text()),
            Err(Unread::NoFrame(client_id)) => {
                Self::refuse(context, "INVALID_FRAME", "This could not be understood.", client_id.as_deref());
            }
            Err(Unread::NoJson) => {
                Self::refuse(context, "INVALID_FRAME", "This could not be understood.", None);
                Self::hang_up(context, CloseCode::Invalid, "the frame is no JSON");
            }
        }
    }

    fn greet(&mut self, token: &str, since: i64, context: &mut Context) {
        self.greeted = true;
        let switchboard = self.state.switchboard.clone();
        let (visitor, origin) = (switchboard.visitor(token), self.origin.clone());
        let opening = async move {
            let visitor = visitor.ok_or(Unopened::Token)?;
            let origins = switchboard.allowed_origins(&visitor.channel_id).await?;
            if !(origins.is_empty() || origin.is_some_and(|origin| origins.iter().any(|known| is_same(known, &origin))))
            {
                return Err(Unopened::Origin);
            }
            let attendance = switchboard.attend(&visitor).await?;
            Ok((visitor, attendance))
        };
        let opened =
            opening.into_actor(self).map(move |opened: Result<(Visitor, Attendance), Unopened>, line, context| {
                match opened {
                    Ok((visitor, attendance)) => line.welcome(visitor, attendance, since, context),
                    Err(Unopened::Token) => {
                        Self::refuse(context, "INVALID_TOKEN", "The session has ended.", None);
                        Self::hang_up(context, CloseCode::Policy, "the token is not valid");
                    }
                    Err(Unopened::Origin) => {
                        Self::refuse(context, "ORIGIN_NOT_ALLOWED", "The chat is not available on this page.", None);
                        Self::hang_up(context, CloseCode::Policy, "the origin is not allowed");
                    }
                    Err(Unopened::Unavailable(reason)) => Self::put_off(context, &reason),
                }
            });
        context.wait(opened);
    }

    /// Hangs up because the store or the conversation is not there for now; the client comes back by itself and loses
    /// nothing.
    pub(super) fn put_off(context: &mut Context, reason: &str) {
        tracing::warn!(reason, "a visitor's line was closed until later");
        Self::hang_up(context, CloseCode::Again, "try again later");
    }

    fn welcome(&mut self, visitor: Visitor, attendance: Attendance, since: i64, context: &mut Context) {
        let Attendance { conversation_id, workspace_id, agent_name, last_seq, watching } = attendance;
        let welcome = ServerFrame::Welcome {
            conversation_id: (last_seq > 0).then_some(conversation_id.as_str()),
            agent: AgentName { name: &agent_name },
            last_seq,
            heartbeat_ms: u64::try_from(self.state.options.heartbeat.as_millis()).unwrap_or(u64::MAX),
        };
        context.text(welcome.text());
        self.visit = Some(Box::new(Visit::new(visitor, conversation_id, workspace_id, since, last_seq)));
        context.add_stream(watching);
        self.catch_up(None, context);
    }

    fn send(&mut self, client_id: String, said: Said, reply_to: Option<String>, context: &mut Context) {
        let Some(visitor) = self.visit.as_ref().map(|visit| visit.visitor.clone()) else { return };
        if !is_client_id(&client_id) {
            return Self::refuse(context, "INVALID_FRAME", "This could not be understood.", None);
        }
        if !self.sends.take(Instant::now()) {
            return Self::refuse(
                context,
                "RATE_LIMITED",
                "Too many messages. Try again in a moment.",
                Some(&client_id),
            );
        }
        let content = match said.content() {
            Ok(content) if reply_to.as_deref().is_none_or(is_message_id) => content,
            Ok(_) => return Self::refuse(context, "INVALID_MESSAGE", "The choice is not valid.", Some(&client_id)),
            Err(reason) => return Self::refuse(context, "INVALID_MESSAGE", reason, Some(&client_id)),
        };
        let switchboard = self.state.switchboard.clone();
        let saying = async move {
            let message = switchboard.visitor_says(&visitor, &client_id, content, reply_to).await?;
            Ok((message, switchboard.conversation_to_visit(&visitor).await?))
        };
        let said = saying.into_actor(self).map(|said: Result<_, Unvisited>, line, context| match said {
            Ok((message, conversation_id)) => line.acknowledge(&message, &conversation_id, context),
            Err(Unvisited::UnknownChannel) => {
                Self::hang_up(context, CloseCode::Policy, "the widget is gone");
            }
            // It may have been stored all the same: only a repetition tells, and the client makes it.
            Err(Unvisited::Unavailable(reason)) => Self::put_off(context, &reason),
        });
        context.wait(said);
    }

    fn see(&mut self, seq: i64, context: &mut Context) {
        let Some(visit) = self.visit.as_deref_mut() else { return };
        let Some(seq) = visit.sees(seq) else { return };
        let (switchboard, visitor) = (self.state.switchboard.clone(), visit.visitor.clone());
        let seeing = async move {
            if let Err(error) = switchboard.visitor_saw(&visitor, seq).await {
                tracing::warn!(?error, "what a visitor saw could not be marked as read");
            }
        };
        context.spawn(seeing.into_actor(self));
    }

    /// A piece of a message that comes in several frames.
    fn gather(&mut self, piece: &Bytes, is_last: bool, context: &mut Context) {
        if self.pieces.len() + piece.len() > LARGEST_FRAME {
            return Self::hang_up(context, CloseCode::Size, "the frame is too large");
        }
        self.pieces.extend_from_slice(piece);
        if is_last {
            match String::from_utf8(std::mem::take(&mut self.pieces)) {
                Ok(text) => self.hear(&text, context),
                Err(_) => Self::hang_up(context, CloseCode::Invalid, "the text is no UTF-8"),
            }
        }
    }
}

/// Origins are compared without regard to case and a closing slash, as people write them.
fn is_same(known: &str, origin: &str) -> bool {
    known.trim_end_matches('/').eq_ignore_ascii_case(origin.trim_end_matches('/'))
}

impl Actor for Line {
    type Context = Context;

    fn started(&mut self, context: &mut Context) {
        metrics::gauge!("switchboard_sockets_open").increment(1.0);
        context.run_later(self.state.options.hello_within, |line, context| {
            if !line.greeted {
                Self::hang_up(context, CloseCode::Policy, "no hello came");
            }
        });
        context.run_interval(self.state.options.heartbeat, Self::beat);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        metrics::gauge!("switchboard_sockets_open").decrement(1.0);
    }
}

impl StreamHandler<Result<Message, ProtocolError>> for Line {
    fn handle(&mut self, message: Result<Message, ProtocolError>, context: &mut Context) {
        use actix_http::ws::Item;
        self.heard_at = Instant::now();
        match message {
            Ok(Message::Text(text)) => self.hear(&text, context),
            Ok(Message::Binary(_) | Message::Continuation(Item::FirstBinary(_))) => {
                Self::hang_up(context, CloseCode::Unsupported, "frames are text");
            }
            Ok(Message::Continuation(Item::FirstText(piece) | Item::Continue(piece))) => {
                self.gather(&piece, false, context);
            }
            Ok(Message::Continuation(Item::Last(piece))) => self.gather(&piece, true, context),
            Ok(Message::Ping(payload)) => context.pong(&payload),
            Ok(Message::Pong(_) | Message::Nop) => {}
            Ok(Message::Close(reason)) => {
                context.close(reason);
                context.stop();
            }
            Err(ProtocolError::Overflow) => Self::hang_up(context, CloseCode::Size, "the frame is too large"),
            // Text that is no UTF-8 comes as this too; to a line that is gone it does not matter what is said.
            Err(ProtocolError::Io(_)) => Self::hang_up(context, CloseCode::Invalid, "the frame could not be read"),
            Err(_) => Self::hang_up(context, CloseCode::Protocol, "the frame breaks the protocol"),
        }
    }
}
