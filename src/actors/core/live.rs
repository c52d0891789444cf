//! What a conversation at work keeps in memory: a cache of the store, and the turn that runs.

use std::collections::VecDeque;

use switchboard_channels::contract::peer::Identity;
use tokio_util::sync::CancellationToken;

use crate::actors::hub::{Hub, Sight, TurnEnd};
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

impl Live {
    /// The turn that runs or waits to begin.
    pub(super) fn turn(&self) -> Option<&str> {
        self.running.as_ref().map(|running| &running.0).or(self.state.turn_job.as_ref()).map(String::as_str)
    }

    /// Ends the turn that runs or waits to begin: whoever waits for its answer is told at once.
    pub(super) fn cancel(&mut self, hub: &Hub, id: &str) {
        let running = self.running.take().map(|(turn, token)| {
            token.cancel();
            turn
        });
        if let Some(turn) = running.or_else(|| self.state.turn_job.take())
            && hub.is_watched(id)
        {
            hub.show(id, &Sight::TurnEnded { turn: turn.into(), end: TurnEnd::Cancelled, usage: None });
        }
    }
}
