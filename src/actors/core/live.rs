//! What a conversation at work keeps in memory: a cache of the store, and the turn that runs.

use std::collections::VecDeque;

use switchboard_channels::contract::peer::Identity;
use tokio_util::sync::CancellationToken;

use crate::domain::conversations::Conversation;

pub(super) struct Live {
    pub(super) state: Conversation,
    pub(super) contact_name: Option<String>,
    pub(super) identities: Vec<Identity>,
    /// Texts since the last answer; only complete when `unanswered_known`.
    pub(super) unanswered: VecDeque<(i64, String)>,
    pub(super) unanswered_known: bool,
    pub(super) running: Option<(String, CancellationToken)>,
}
