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
    /// Its author changed it, took it back, or its attachment arrived.
    MessageUpdated,
    /// A conversation began.
    ConversationOpened,
    /// Its owner changed.
    ConversationAssigned,
    /// Something could not be said because the window is closed, and what its sender wanted then was done.
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
            Self::ConversationOpened => "conversation.opened",
            Self::ConversationAssigned => "conversation.assigned",
            Self::ConversationWindowClosed => "conversation.window_closed",
            Self::ContactCreated => "contact.created",
            Self::ContactUpdated => "contact.updated",
            Self::ContactDeleted => "contact.deleted",
            Self::AgentFailed => "agent.failed",
            Self::AgentHandedOver => "agent.handed_over",
            Self::AgentPaused => "agent.paused",
            Self::ChannelNotice => "channel.notice",
            Self::ContactConsent => "contact.consent",
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
