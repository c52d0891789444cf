//! Once for each key: what a request makes is made once, however often the request comes.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::Switchboard;
use crate::domain::changes::Idempotency;
use crate::domain::errors::FieldProblem;
use crate::store::StoreError;
use crate::store::idempotency::Unwritten;

/// Why something was not made or changed. Nothing was stored.
#[derive(Debug)]
pub enum Refused {
    /// There is nothing of that id in the workspace.
    Unknown,
    /// What is said does not have the documented shape.
    Fields(Vec<FieldProblem>),
    /// The key was used for something else.
    KeyMismatch,
    /// What the key made was deleted since.
    Gone,
    /// The store is not available.
    Store(StoreError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Unwritten> for Refused {
    fn from(refusal: Unwritten) -> Self {
        match refusal {
            Unwritten::Unknown => Self::Unknown,
            Unwritten::Fields(problems) => Self::Fields(problems),
            // Whoever has a key asks `repeated` first; without one nothing is repeated.
            Unwritten::Repeated(_) => Self::KeyMismatch,
            Unwritten::Store(error) => Self::Store(error),
        }
    }
}

/// What a key stands for: the caller's key, a hash of what is asked for under it, and the id that it is going to have.
#[must_use]
pub fn under(key: Option<String>, what: &str, asked: &impl Serialize, result_id: &str) -> Option<Idempotency> {
    let asked = serde_json::json!([what, asked]).to_string();
    let request_hash = hex::encode(Sha256::digest(asked.as_bytes()));
    key.map(|key| Idempotency { key, request_hash, result_id: result_id.to_owned() })
}

/// The id of what a key made before, when it was made for the same.
///
/// # Errors
/// [`Refused::KeyMismatch`], or the refusal itself when it is about something else.
pub fn repeated(wanted: Option<&Idempotency>, refusal: Unwritten) -> Result<String, Refused> {
    match (wanted, refusal) {
        (Some(wanted), Unwritten::Repeated(earlier)) if wanted.request_hash == earlier.request_hash => {
            Ok(earlier.result_id)
        }
        (_, refusal) => Err(refusal.into()),
    }
}

impl Switchboard {
    /// The id of what a key made before. It is asked before what is said is judged: a time that was ahead when the first
    /// request came may be past now.
    ///
    /// # Errors
    /// [`Refused::KeyMismatch`], or the store could not be read.
    pub async fn made_under(
        &self,
        workspace_id: &str,
        wanted: Option<&Idempotency>,
    ) -> Result<Option<String>, Refused> {
        let Some(key) = wanted else { return Ok(None) };
        match self.store.idempotency(workspace_id, &key.key).await? {
            None => Ok(None),
            Some(earlier) => repeated(wanted, Unwritten::Repeated(earlier)).map(Some),
        }
    }
}
