//! What the vendor remembers of a thread: who has its control, which comments wait for an answer. It decides nothing.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// Most comments kept.
const MOST_COMMENTS: usize = 10_000;

/// The Page inbox, where people answer by hand: as echoes name it.
pub const INBOX_APP: u64 = 26_390_203_743_090;
/// The same as hand-over events name it.
pub const INBOX_OWNER: &str = "263902037430900";

/// A comment under a post.
#[derive(Debug, Clone)]
pub struct Comment {
    pub account: String,
    pub customer: String,
    pub at_ms: i64,
    pub answered: bool,
}

#[derive(Debug, Default)]
struct Known {
    elsewhere: HashSet<(String, String)>,
    comments: HashMap<String, Comment>,
}

/// The threads of all accounts.
#[derive(Debug, Default)]
pub struct Threads {
    known: Mutex<Known>,
}

impl Threads {
    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether another app has the control of this thread.
    pub fn is_elsewhere(&self, account: &str, customer: &str) -> bool {
        self.lock().elsewhere.contains(&(account.to_owned(), customer.to_owned()))
    }

    /// Gives the control away, or back.
    pub fn set_elsewhere(&self, account: &str, customer: &str, elsewhere: bool) {
        let pair = (account.to_owned(), customer.to_owned());
        let mut known = self.lock();
        if elsewhere {
            known.elsewhere.insert(pair);
        } else {
            known.elsewhere.remove(&pair);
        }
    }

    /// Remembers a comment.
    pub fn commented(&self, id: String, comment: Comment) {
        let mut known = self.lock();
        if known.comments.len() >= MOST_COMMENTS {
            known.comments.clear();
        }
        known.comments.insert(id, comment);
    }

    /// The comment with this id.
    pub fn comment(&self, id: &str) -> Option<Comment> {
        self.lock().comments.get(id).cloned()
    }

    /// The one private reply to a comment is spent.
    pub fn answered(&self, id: &str) {
        if let Some(comment) = self.lock().comments.get_mut(id) {
            comment.answered = true;
        }
    }
}
