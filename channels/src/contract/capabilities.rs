//! What a channel can carry, as data.

use serde::Serialize;

/// The messaging window of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowRule {
    /// Free-form messages at any time.
    None,
    /// Free-form messages only for so long after the person's last message; templates always.
    SinceLastInbound {
        /// Length in milliseconds.
        length_ms: i64,
    },
}

/// What a channel can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    /// Longest text, in characters.
    pub text_limit: usize,
    /// Reply buttons in one message; 0: none.
    pub buttons: usize,
    /// List rows in one message; 0: none.
    pub list_rows: usize,
    /// Approved templates exist.
    pub templates: bool,
    /// Reactions can be sent.
    pub reactions: bool,
    /// A typing sign can be shown.
    pub typing: bool,
    /// Delivery receipts come back.
    pub receipts: bool,
    /// When free-form messages are allowed.
    pub window: WindowRule,
}
