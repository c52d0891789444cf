//! Whether a conversation is open or closed, and what has been told of its window.
//!
//! Closing ends what people have to do with it: the next message of the person opens it again, and whoever answers at
//! the beginning answers then.

use serde::{Deserialize, Serialize};

use super::reply::Posted;
use super::{Conversation, Owner};
use crate::domain::changes::{Change, NewEvent};
use crate::domain::events::EventKind;
use crate::domain::windows;

/// Whether somebody still has to do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConversationStatus {
    /// Somebody has, or the person has just written.
    Open,
    /// It is settled.
    Closed,
}

impl ConversationStatus {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

/// Where a conversation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Unix milliseconds at which it was opened the last time.
    pub opened_at: i64,
    /// Unix milliseconds since which it is closed; `None`: it is open.
    pub closed_at: Option<i64>,
    /// The end of the window of which the event was told last.
    pub told_window: Option<i64>,
}

impl Standing {
    /// Of a conversation that begins now.
    #[must_use]
    pub const fn begin(now: i64) -> Self {
        Self { opened_at: now, closed_at: None, told_window: None }
    }

    /// Open or closed.
    #[must_use]
    pub const fn status(self) -> ConversationStatus {
        match self.closed_at {
            None => ConversationStatus::Open,
            Some(_) => ConversationStatus::Closed,
        }
    }
}

/// Closes it; `None`: it is closed already.
#[must_use]
pub fn close(conversation: &Conversation, now: i64) -> Option<Posted> {
    if conversation.standing.closed_at.is_some() {
        return None;
    }
    let mut posted = Posted::on(conversation);
    posted.stop_turn();
    posted.hand_to(Owner::at_first(conversation.agent_id.as_deref()), now);
    let standing = Standing { closed_at: Some(now), ..conversation.standing };
    posted.next.standing = standing;
    posted.change.standing = Some(standing);
    posted.change.events.push(NewEvent {
        kind: EventKind::ConversationClosed,
        conversation_id: Some(conversation.id.clone()),
        data: serde_json::json!({
            "conversation_id": conversation.id, "channel_id": conversation.channel_id,
            "contact_id": conversation.contact_id, "owner": conversation.owner,
            "opened_at": standing.opened_at, "closed_at": now,
        }),
    });
    Some(posted.sealed(conversation))
}

/// Opens it again; `None`: it is open.
#[must_use]
pub fn reopen(conversation: &Conversation, now: i64) -> Option<Posted> {
    conversation.standing.closed_at?;
    let mut posted = Posted::on(conversation);
    open_again(&mut posted.next, &mut posted.change, now);
    Some(posted.sealed(conversation))
}

/// Tells that the window has closed; `None`: it has not, or that was told.
#[must_use]
pub fn tell_window(conversation: &Conversation, now: i64) -> Option<Posted> {
    let closed_at = conversation.window_expires_at.filter(|end| windows::is_over(*end, now))?;
    if conversation.standing.told_window.is_some_and(|told| told >= closed_at) {
        return None;
    }
    let mut posted = Posted::on(conversation);
    posted.next.standing.told_window = Some(closed_at);
    posted.change.standing = Some(posted.next.standing);
    posted.change.events.push(NewEvent {
        kind: EventKind::ConversationWindowClosed,
        conversation_id: Some(conversation.id.clone()),
        data: serde_json::json!({ "conversation_id": conversation.id, "closed_at": closed_at, "cause": "time" }),
    });
    Some(posted.sealed(conversation))
}

/// What makes a closed conversation somebody's matter again opens it.
pub(super) fn open_again(next: &mut Conversation, change: &mut Change, now: i64) {
    if next.standing.closed_at.is_none() {
        return;
    }
    next.standing = Standing { opened_at: now, closed_at: None, ..next.standing };
    change.standing = Some(next.standing);
    change.events.push(NewEvent {
        kind: EventKind::ConversationOpened,
        conversation_id: Some(next.id.clone()),
        data: serde_json::json!({
            "conversation_id": next.id, "channel_id": next.channel_id, "contact_id": next.contact_id,
            "owner": next.owner, "subject": next.subject, "reopened": true,
        }),
    });
}
