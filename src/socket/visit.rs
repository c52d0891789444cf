//! What a visitor sees of their conversation: messages in their order without gaps, turns, pieces of answers. It
//! trusts the sequence numbers alone; where one is missing it reads the store.

use std::sync::Arc;

use actix::{ActorFutureExt, AsyncContext, StreamHandler, WrapFuture};
use actix_web_actors::ws::CloseCode;
use serde::Deserialize;

use super::frames::{ServerFrame, TurnState};
use super::line::{Context, Line};
use super::visible::{VisibleMessage, client_id};
use crate::actors::hub::{Sight, TurnEnd};
use crate::domain::messages::{Message, Status};
use crate::domain::principals::Visitor;
use crate::store::{LiveEvent, StoreError};

/// Messages that a client without history gets.
const HISTORY: i64 = 200;

/// Messages that are read at once; the next are read when these have been written out, so that a slow client holds
/// no more than one page.
const PAGE: i64 = 50;

/// What a line follows.
pub(super) struct Visit {
    pub(super) visitor: Visitor,
    conversation_id: Box<str>,
    workspace_id: Box<str>,
    /// Everything up to here was written out, in order.
    shown: i64,
    /// The visitor has everything up to here before their eyes.
    seen: i64,
    /// The turn whose beginning was written out and whose end was not.
    turn: Option<Arc<str>>,
}

impl Visit {
    /// A visit whose client knows everything up to `since`.
    pub(super) fn new(
        visitor: Visitor,
        conversation_id: String,
        workspace_id: String,
        since: i64,
        last_seq: i64,
    ) -> Self {
        let shown = if since > 0 { since.min(last_seq) } else { last_seq.saturating_sub(HISTORY).max(0) };
        Self {
            visitor,
            conversation_id: conversation_id.into(),
            workspace_id: workspace_id.into(),
            shown,
            seen: 0,
            turn: None,
        }
    }

    /// How far the visitor sees now, when that is further than before.
    pub(super) fn sees(&mut self, seq: i64) -> Option<i64> {
        let seq = seq.min(self.shown);
        let is_news = seq > self.seen;
        self.seen = self.seen.max(seq);
        is_news.then_some(seq)
    }
}

/// What this room reads from an event.
#[derive(Deserialize)]
struct EventData {
    message: Option<Message>,
    message_id: Option<String>,
    status: Option<Status>,
}

impl Line {
    /// Shows the members of the workspace that the visitor is writing.
    pub(super) fn tell_typing(&self) {
        let Some(visit) = self.visit.as_deref() else { return };
        self.state.switchboard.hub.show_typing(&visit.workspace_id, &visit.conversation_id, None);
    }

    /// Writes a message out if it is the next one. Gives whether something before it is missing.
    fn show(&mut self, message: &Message, context: &mut Context) -> bool {
        let Some(visit) = self.visit.as_deref_mut() else { return false };
        if message.seq == visit.shown + 1 {
            visit.shown = message.seq;
            self.write(message, context);
            return false;
        }
        message.seq > visit.shown
    }

    fn write(&self, message: &Message, context: &mut Context) {
        let Some(visit) = self.visit.as_deref() else { return };
        let client_id = client_id(message, &visit.visitor.visitor_id);
        context.text(ServerFrame::Message { client_id, message: VisibleMessage::of(message) }.text());
    }

    /// Answers the visitor's own message, the first time and each time it is repeated.
    pub(super) fn acknowledge(&mut self, message: &Message, conversation_id: &str, context: &mut Context) {
        let Some(visit) = self.visit.as_deref() else { return };
        if *visit.conversation_id != *conversation_id {
            context.text(ServerFrame::Resync.text());
            return Self::hang_up(context, CloseCode::Normal, "the conversation has changed");
        }
        if message.seq <= visit.shown {
            self.write(message, context);
        } else if self.show(message, context) {
            self.catch_up(None, context);
        }
    }

    /// Writes out what is missing, page by page, then what had to wait for it.
    pub(super) fn catch_up(&mut self, then: Option<String>, context: &mut Context) {
        let Some(visit) = self.visit.as_deref() else { return };
        let (store, since) = (self.state.switchboard.store.clone(), visit.shown);
        let (workspace_id, conversation_id) = (visit.workspace_id.clone(), visit.conversation_id.clone());
        let reading = async move { store.messages(&workspace_id, &conversation_id, Some(since), PAGE).await };
        let read = reading.into_actor(self).map(move |page: Result<Vec<Message>, StoreError>, line, context| {
            let page = match page {
                Ok(page) => page,
                Err(error) => return Self::put_off(context, &error.to_string()),
            };
            for message in &page {
                if let Some(visit) = line.visit.as_deref_mut() {
                    visit.shown = message.seq;
                }
                line.write(message, context);
            }
            if i64::try_from(page.len()).is_ok_and(|count| count >= PAGE) {
                line.catch_up(then, context);
            } else if let Some(text) = then {
                context.text(text);
            }
        });
        context.wait(read);
    }

    /// Writes a message out again because something in it has changed.
    fn show_changed(&mut self, message_id: String, context: &mut Context) {
        let Some(visit) = self.visit.as_deref() else { return };
        let (store, workspace_id) = (self.state.switchboard.store.clone(), visit.workspace_id.clone());
        let reading = async move { store.message(&workspace_id, &message_id).await };
        let read = reading.into_actor(self).map(|stored, line, context| match stored {
            Ok(Some(stored)) => {
                let is_shown = line.visit.as_deref().is_some_and(|visit| stored.message.seq <= visit.shown);
                if is_shown && stored.conversation_id == line.conversation_id() {
                    line.write(&stored.message, context);
                }
            }
            Ok(None) => {}
            Err(error) => Self::put_off(context, &error.to_string()),
        });
        context.wait(read);
    }

    fn conversation_id(&self) -> &str {
        self.visit.as_deref().map(|visit| &*visit.conversation_id).unwrap_or_default()
    }

    fn tell(&mut self, event: &LiveEvent, context: &mut Context) {
        if !event.kind.starts_with("message.") {
            return;
        }
        match serde_json::from_str::<EventData>(&event.data) {
            Ok(EventData { message: Some(message), .. }) => {
                if self.show(&message, context) {
                    self.catch_up(None, context);
                }
            }
            Ok(EventData { message_id: Some(id), status: Some(status), .. }) => {
                context.text(ServerFrame::Status { id: &id, status }.text());
            }
            Ok(EventData { message_id: Some(id), .. }) => self.show_changed(id, context),
            Ok(_) => {}
            Err(error) => tracing::error!(kind = event.kind, %error, "an event could not be shown to a visitor"),
        }
    }

    fn end_turn(&mut self, turn: &Arc<str>, end: TurnEnd, context: &mut Context) {
        let visit = self.visit.as_deref_mut();
        let began = visit.is_some_and(|visit| visit.turn.take_if(|running| running == turn).is_some());
        if end == TurnEnd::Cancelled && !began {
            return;
        }
        let state = match end {
            TurnEnd::Ended => TurnState::Ended,
            TurnEnd::Cancelled => TurnState::Cancelled,
            TurnEnd::Failed => TurnState::Failed,
        };
        let frame = ServerFrame::Turn { turn, state }.text();
        if end == TurnEnd::Cancelled {
            context.text(frame);
        } else {
            // The answer is committed but its event comes another way and may be later; it must be seen first.
            self.catch_up(Some(frame), context);
        }
    }
}

impl StreamHandler<Sight> for Line {
    fn handle(&mut self, sight: Sight, context: &mut Context) {
        match sight {
            Sight::Event(event) => self.tell(&event, context),
            Sight::TurnStarted { turn } => {
                context.text(ServerFrame::Turn { turn: &turn, state: TurnState::Started }.text());
                if let Some(visit) = self.visit.as_deref_mut() {
                    visit.turn = Some(turn);
                }
            }
            Sight::Delta { turn, text } => {
                // Half an answer is not shown to who came in the middle, nor a piece that comes after the whole.
                let is_running = self.visit.as_deref().is_some_and(|visit| visit.turn.as_ref() == Some(&turn));
                if is_running {
                    context.text(ServerFrame::Delta { turn: &turn, text: &text }.text());
                }
            }
            Sight::TurnEnded { turn, end, .. } => self.end_turn(&turn, end, context),
            Sight::Resync => self.catch_up(None, context),
            // The members' affair.
            Sight::Typing { .. } | Sight::Presence => {}
        }
    }

    /// The hub lets go of a watcher that has fallen too far behind.
    fn finished(&mut self, context: &mut Context) {
        Self::hang_up(context, CloseCode::Again, "the line is too slow");
    }
}
