//! Who is alive: conversations and agents with their mailboxes, clocks and supervision.
//!
//! A conversation lives on one arbiter (a shard), and so does its whole work. An actor's state is a cache of the
//! store; when an actor dies, its supervisor makes a new one, which reads the store again.

pub mod agents;
pub mod conversations;
mod core;
pub mod errands;
pub mod hub;
pub mod supervisor;

/// Why an actor gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActorError {
    /// It died while it worked on this. Nothing of it was committed, or it was and the store knows.
    #[error("the actor died")]
    Died,
    /// It keeps dying and is held for an operator to look at.
    #[error("the actor keeps dying and is quarantined")]
    Quarantined,
    /// Its mailbox is full.
    #[error("the actor has too much to do")]
    Busy,
    /// There is no such conversation or agent.
    #[error("there is no such conversation or agent")]
    Unknown,
    /// The store refused.
    #[error(transparent)]
    Refused(#[from] crate::domain::changes::Refusal),
    /// The store could not be read.
    #[error("the store could not be read: {0}")]
    Store(String),
}

impl From<crate::store::StoreError> for ActorError {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Store(error.to_string())
    }
}
