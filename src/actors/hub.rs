//! Who watches which conversation in this process: sockets and streamed answers. What passes here is either committed
//! already or a draft that nobody relies on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{broadcast, mpsc};

use crate::store::LiveEvent;

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

/// Watchers by conversation. Clones share them.
#[derive(Clone, Default)]
pub struct Hub {
    watchers: Arc<Mutex<HashMap<String, Vec<mpsc::UnboundedSender<Sight>>>>>,
}

impl Hub {
    /// Watches a conversation until the receiver is dropped.
    #[must_use]
    pub fn watch(&self, conversation_id: &str) -> mpsc::UnboundedReceiver<Sight> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.lock().entry(conversation_id.to_owned()).or_default().push(sender);
        receiver
    }

    /// Whether anybody watches a conversation.
    #[must_use]
    pub fn is_watched(&self, conversation_id: &str) -> bool {
        self.lock().contains_key(conversation_id)
    }

    /// Shows something to a conversation's watchers.
    pub fn show(&self, conversation_id: &str, sight: &Sight) {
        let mut watchers = self.lock();
        if let Some(list) = watchers.get_mut(conversation_id) {
            list.retain(|watcher| watcher.send(sight.clone()).is_ok());
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

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<mpsc::UnboundedSender<Sight>>>> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Hub, Sight};

    #[test]
    fn a_dropped_watcher_leaves_nothing_behind() {
        let hub = Hub::default();
        let mut one = hub.watch("a");
        let other = hub.watch("a");
        hub.show("b", &Sight::Resync);
        hub.show("a", &Sight::Resync);
        assert!(matches!(one.try_recv(), Ok(Sight::Resync)));
        assert!(one.try_recv().is_err());
        drop((one, other));
        hub.show("a", &Sight::Resync);
        assert!(!hub.is_watched("a"));
    }
}
