//! The one event sequence of a workspace: everything that looks outward reads it.

/// What happened. The word is the one that webhooks and sockets carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A contact's message was stored.
    MessageReceived,
    /// A message of ours was stored and waits to leave.
    MessageQueued,
    /// The vendor has it.
    MessageSent,
    /// It may or may not have left.
    MessageUncertain,
    /// The device has it.
    MessageDelivered,
    /// It was seen.
    MessageRead,
    /// It will not arrive.
    MessageFailed,
    /// Its author changed it, took it back, or its attachment arrived; or it is held no longer.
    MessageUpdated,
    /// No receipt came in time, and it was said over the person's next channel; or there was none.
    MessageFallback,
    /// A conversation began.
    ConversationOpened,
    /// Its owner changed.
    ConversationAssigned,
    /// It was settled.
    ConversationClosed,
    /// The window has closed; or something could not be said because it is closed, and what its sender wanted then was
    /// done.
    ConversationWindowClosed,
    /// A contact appeared.
    ContactCreated,
    /// A contact's identities or name changed.
    ContactUpdated,
    /// A contact was deleted.
    ContactDeleted,
    /// A model failed in a turn; the contact got the fallback message.
    AgentFailed,
    /// An agent gave a conversation to a person.
    AgentHandedOver,
    /// An agent answered too often in a short time, and the conversation waits for a person.
    AgentPaused,
    /// The vendor said something about the account.
    ChannelNotice,
    /// A contact said what they want to receive.
    ContactConsent,
    /// Somebody asked to be contacted.
    LeadCaptured,
    /// A webhook endpoint kept failing, or did not want to be told any more, and is told nothing from now on.
    WebhookDisabled,
    /// A task was made.
    TaskCreated,
    /// A task was changed.
    TaskUpdated,
    /// A task is done.
    TaskCompleted,
    /// A task was deleted.
    TaskDeleted,
    /// A follow-up was made.
    FollowUpCreated,
    /// A follow-up was changed.
    FollowUpUpdated,
    /// A follow-up was deleted.
    FollowUpDeleted,
    /// The time of a reminder has come.
    ReminderTriggered,
}

/// Every word that an event may carry, those of parts that are not built yet included: what may be asked for.
pub const WORDS: &[&str] = &[
    "agent.failed",
    "agent.handed_over",
    "agent.paused",
    "broadcast.completed",
    "channel.notice",
    "compliance.alert",
    "connector.disconnected",
    "contact.consent",
    "contact.created",
    "contact.deleted",
    "contact.updated",
    "conversation.assigned",
    "conversation.closed",
    "conversation.opened",
    "conversation.window_closed",
    "follow_up.created",
    "follow_up.deleted",
    "follow_up.updated",
    "lead_captured",
    "message.delivered",
    "message.failed",
    "message.fallback",
    "message.queued",
    "message.read",
    "message.received",
    "message.sent",
    "message.uncertain",
    "message.updated",
    "reminder.triggered",
    "run.completed",
    "run.failed",
    "task.completed",
    "task.created",
    "task.deleted",
    "task.updated",
    "transaction.settled",
    "webhook.disabled",
];

/// The one of [`WORDS`] that reads so.
#[must_use]
pub fn word(text: &str) -> Option<&'static str> {
    WORDS.iter().copied().find(|word| *word == text)
}

impl EventKind {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MessageReceived => "message.received",
            Self::MessageQueued => "message.queued",
            Self::MessageSent => "message.sent",
            Self::MessageUncertain => "message.uncertain",
            Self::MessageDelivered => "message.delivered",
            Self::MessageRead => "message.read",
            Self::MessageFailed => "message.failed",
            Self::MessageUpdated => "message.updated",
            Self::MessageFallback => "message.fallback",
            Self::ConversationOpened => "conversation.opened",
            Self::ConversationAssigned => "conversation.assigned",
            Self::ConversationClosed => "conversation.closed",
            Self::ConversationWindowClosed => "conversation.window_closed",
            Self::ContactCreated => "contact.created",
            Self::ContactUpdated => "contact.updated",
            Self::ContactDeleted => "contact.deleted",
            Self::AgentFailed => "agent.failed",
            Self::AgentHandedOver => "agent.handed_over",
            Self::AgentPaused => "agent.paused",
            Self::ChannelNotice => "channel.notice",
            Self::ContactConsent => "contact.consent",
            Self::LeadCaptured => "lead_captured",
            Self::WebhookDisabled => "webhook.disabled",
            Self::TaskCreated => "task.created",
            Self::TaskUpdated => "task.updated",
            Self::TaskCompleted => "task.completed",
            Self::TaskDeleted => "task.deleted",
            Self::FollowUpCreated => "follow_up.created",
            Self::FollowUpUpdated => "follow_up.updated",
            Self::FollowUpDeleted => "follow_up.deleted",
            Self::ReminderTriggered => "reminder.triggered",
        }
    }
}

impl From<super::messages::Status> for EventKind {
    fn from(status: super::messages::Status) -> Self {
        use super::messages::Status;
        match status {
            Status::Received => Self::MessageReceived,
            Status::Queued => Self::MessageQueued,
            Status::Uncertain => Self::MessageUncertain,
            Status::Sent => Self::MessageSent,
            Status::Failed => Self::MessageFailed,
            Status::Delivered => Self::MessageDelivered,
            Status::Read => Self::MessageRead,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{EventKind, WORDS, word};

    #[test]
    fn the_word_of_every_kind_may_be_asked_for() {
        let text = include_str!("events.rs");
        let matched =
            text.lines().filter_map(|line| line.trim().strip_prefix("Self::")?.split_once("=> \"")?.1.split_once('"'));
        let mut kinds = 0;
        for (kind, _) in matched {
            assert_eq!(word(kind), Some(kind), "add it to WORDS");
            kinds += 1;
        }
        assert!(kinds > 10 && word(EventKind::WebhookDisabled.as_str()).is_some());
        assert!(WORDS.is_sorted() && word("message.*").is_none());
    }
}
