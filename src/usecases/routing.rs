//! Which conversation an identity leads to: a small memory before the store's index. It may be wrong after another
//! node moved an identity; the store then says where to go.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use lru::LruCache;
use switchboard_channels::contract::peer::Identity;

/// Ways remembered.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(50_000).unwrap();
/// How long a way is trusted, in milliseconds.
const TRUSTED_MS: i64 = 10 * 60 * 1_000;

/// Ways from (channel, identity) to a conversation.
pub struct Routes {
    known: Mutex<LruCache<(String, Identity), (String, i64)>>,
}

impl Default for Routes {
    fn default() -> Self {
        Self { known: Mutex::new(LruCache::new(CAPACITY)) }
    }
}

impl Routes {
    /// The conversation that this identity led to lately.
    #[must_use]
    pub fn get(&self, channel_id: &str, identity: &Identity, now: i64) -> Option<String> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (conversation, since) = known.get(&(channel_id.to_owned(), identity.clone()))?;
        (now - *since < TRUSTED_MS).then(|| conversation.clone())
    }

    /// Remembers where an identity leads.
    pub fn put(&self, channel_id: &str, identity: &Identity, conversation_id: &str, now: i64) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.put((channel_id.to_owned(), identity.clone()), (conversation_id.to_owned(), now));
    }

    /// Forgets all ways to these conversations.
    pub fn forget_conversations(&self, conversations: &[String]) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let leads_there = |(_, (to, _)): &(&(String, Identity), &(String, i64))| conversations.contains(to);
        let ways: Vec<(String, Identity)> = known.iter().filter(leads_there).map(|(way, _)| way.clone()).collect();
        for way in ways {
            known.pop(&way);
        }
    }

    /// Forgets an identity.
    pub fn forget(&self, channel_id: &str, identity: &Identity) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.pop(&(channel_id.to_owned(), identity.clone()));
    }
}
