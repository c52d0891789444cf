//! Messages that wait until the person writes again: how many may, when they leave, and how one is taken back.

use super::reply::Posted;
use super::{Conversation, Received, Situation, send_lane};
use crate::domain::changes::{NewEvent, Progress};
use crate::domain::events::EventKind;
use crate::domain::jobs::{NewJob, Work};
use crate::domain::messages::{MessageError, Status};
use crate::domain::windows::{self, Window, WindowState};

/// Most messages of one conversation that wait at once: whoever writes again shall not find a flood.
pub const MOST_HELD: usize = 50;

/// Why a message that was taken back has failed.
pub const WITHDRAWN: &str = "WITHDRAWN";

/// Takes a held message back; `None`: it is not held, because it has left or never was.
#[must_use]
pub fn withdraw(conversation: &Conversation, message_id: &str, now: i64) -> Option<Posted> {
    let place = conversation.held.iter().position(|held| held == message_id)?;
    let mut posted = Posted::on(conversation);
    posted.next.held.remove(place);
    posted.change.holds = Some(posted.next.held.clone());
    posted.change.released.push(message_id.to_owned());
    posted.change.progress.push(Progress {
        message_id: message_id.to_owned(),
        channel_id: conversation.channel_id.clone(),
        status: Status::Failed,
        provider_id: None,
        at: now,
        error: Some(MessageError {
            code: WITHDRAWN.to_owned(),
            message: "it was taken back before it left".to_owned(),
            vendor_code: None,
        }),
    });
    Some(posted.sealed(conversation))
}

impl Posted {
    /// Tells that what was said waits for the window.
    pub(super) fn tell_held(&mut self, window: &Window) {
        let held: Vec<&str> = self.change.messages.iter().map(|new| new.message.id.as_str()).collect();
        let data = serde_json::json!({
            "conversation_id": self.next.id, "closed_at": window.expires_at, "cause": "send", "held": held,
        });
        self.change.events.push(NewEvent {
            kind: EventKind::ConversationWindowClosed,
            conversation_id: Some(self.next.id.clone()),
            data,
        });
    }
}

impl Received {
    /// Lets what was held leave, in order, once the window is open. The jobs are born with the news that opened it, and
    /// stand in the conversation's lane before whatever is answered to the news.
    pub(super) fn release(&mut self, situation: &Situation<'_>) {
        let window = || windows::at(situation.rule, self.next.window_expires_at, situation.now);
        if self.next.held.is_empty() || window().state == WindowState::Closed {
            return;
        }
        for message_id in std::mem::take(&mut self.next.held) {
            self.change.jobs.push(NewJob {
                id: (situation.new_id)(),
                lane: send_lane(&self.next.id),
                work: Work::Send { conversation_id: self.next.id.clone(), message_id: message_id.clone() },
                run_at: situation.now,
                cargo: None,
            });
            self.change.events.push(NewEvent {
                kind: EventKind::MessageUpdated,
                conversation_id: Some(self.next.id.clone()),
                data: serde_json::json!({
                    "conversation_id": self.next.id, "message_id": message_id, "held": false,
                }),
            });
            self.change.released.push(message_id);
        }
        self.change.holds = Some(Vec::new());
    }
}
