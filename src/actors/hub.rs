//! Who watches which conversation in this process: sockets and streamed answers. What passes here is either committed
//! already or a draft that nobody relies on.

mod neighbours;
mod presence;

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use futures_util::Stream;
use tokio::sync::{broadcast, mpsc};

use crate::store::LiveEvent;

pub use presence::Presence;

/// Sights that may wait for one watcher; who falls further behind is no longer shown anything. More than the pieces
/// of one answer, so that a stalled reader of a stream does not lose its end.
const BACKLOG: usize = 2_048;

/// Something that watchers see.
#[derive(Debug, Clone)]
pub enum Sight {
    /// A committed event.
    Event(LiveEvent),
    /// A turn began to work.
    TurnStarted {
        /// Its job.
        turn: Arc<str>,
    },
    /// A piece of an answer under way; the whole will be committed as a message.
    Delta {
        /// Its job.
        turn: Arc<str>,
        /// The piece.
        text: Arc<str>,
    },
    /// A turn is over.
    TurnEnded {
        /// Its job.
        turn: Arc<str>,
        /// How.
        end: TurnEnd,
        /// Tokens read and written, where the model says so.
        usage: Option<(u64, u64)>,
    },
    /// Somebody is writing, for the moment.
    Typing {
        /// In which conversation.
        conversation_id: Arc<str>,
        /// The member; none: it is the contact.
        member: Option<Arc<str>>,
    },
    /// Somebody came or went: look who is there.
    Presence,
    /// Events were missed: read the store again.
    Resync,
}

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnEnd {
    /// With its answer (or with nothing to say).
    Ended,
    /// Something newer came, or a person took over.
    Cancelled,
    /// The model failed; the fallback message was sent.
    Failed,
}

/// Watchers by what they watch, a conversation or a whole workspace, whose ids are never the same. Clones share them.
#[derive(Clone, Default)]
pub struct Hub {
    watchers: Arc<Mutex<Watchers>>,
    present: Arc<presence::Present>,
    outbox: Arc<neighbours::Outbox>,
}

type Watchers = HashMap<String, Vec<mpsc::Sender<Sight>>>;

/// What one watcher sees, in order. It ends when the watcher has fallen too far behind. Dropping it ends the watch.
pub struct Watching {
    hub: Hub,
    conversation_id: String,
    sights: mpsc::Receiver<Sight>,
}

impl std::fmt::Debug for Watching {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Watching").field("conversation_id", &self.conversation_id).finish_non_exhaustive()
    }
}

impl Watching {
    /// The next sight.
    pub async fn recv(&mut self) -> Option<Sight> {
        self.sights.recv().await
    }
}

impl Stream for Watching {
    type Item = Sight;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Sight>> {
        self.sights.poll_recv(context)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.sights.close();
        let mut watchers = self.hub.lock();
        if let Some(list) = watchers.get_mut(&self.conversation_id) {
            list.retain(|watcher| !watcher.is_closed());
            if list.is_empty() {
                watchers.remove(&self.conversation_id);
            }
        }
    }
}

impl Hub {
    /// Watches a conversation, or everything in a workspace, until what is given back is dropped.
    #[must_use]
    pub fn watch(&self, conversation_id: &str) -> Watching {
        let (sender, sights) = mpsc::channel(BACKLOG);
        self.lock().entry(conversation_id.to_owned()).or_default().push(sender);
        Watching { hub: self.clone(), conversation_id: conversation_id.to_owned(), sights }
    }

    /// Whether anybody watches anything.
    #[must_use]
    pub fn is_any_watched(&self) -> bool {
        !self.lock().is_empty()
    }

    /// Whether anybody watches a conversation.
    #[must_use]
    pub fn is_watched(&self, conversation_id: &str) -> bool {
        self.lock().contains_key(conversation_id)
    }

    /// Shows something to the watchers of a conversation or a workspace.
    pub fn show(&self, conversation_id: &str, sight: &Sight) {
        let mut watchers = self.lock();
        if let Some(list) = watchers.get_mut(conversation_id) {
            list.retain(|watcher| watcher.try_send(sight.clone()).is_ok());
            if list.is_empty() {
                watchers.remove(conversation_id);
            }
        }
    }

    /// Passes committed events on until the store is gone.
    pub async fn follow(self, mut events: broadcast::Receiver<Arc<[LiveEvent]>>) {
        loop {
            match events.recv().await {
                Ok(batch) => {
                    for event in batch.iter() {
                        if let Some(conversation) = &event.conversation_id {
                            self.show(conversation, &Sight::Event(event.clone()));
                        }
                        self.show(&event.workspace_id, &Sight::Event(event.clone()));
                    }
                }
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "watchers fell behind the events and must read the store again");
                    let conversations: Vec<String> = self.lock().keys().cloned().collect();
                    for conversation in conversations {
                        self.show(&conversation, &Sight::Resync);
                    }
                }
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Watchers> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{BACKLOG, Hub, Sight};

    #[test]
    fn a_dropped_watcher_leaves_nothing_behind() {
        let hub = Hub::default();
        let mut one = hub.watch("a");
        let other = hub.watch("a");
        hub.show("b", &Sight::Resync);
        hub.show("a", &Sight::Resync);
        assert!(matches!(one.sights.try_recv(), Ok(Sight::Resync)));
        assert!(one.sights.try_recv().is_err());
        drop(one);
        assert!(hub.is_watched("a"));
        drop(other);
        assert!(!hub.is_watched("a"));
    }

    #[test]
    fn who_falls_too_far_behind_is_let_go() {
        let hub = Hub::default();
        let mut slow = hub.watch("a");
        for _ in 0..=BACKLOG {
            hub.show("a", &Sight::Resync);
        }
        assert!(!hub.is_watched("a"));
        let kept = std::iter::from_fn(|| slow.sights.try_recv().ok()).count();
        assert_eq!(kept, BACKLOG);
    }
}
