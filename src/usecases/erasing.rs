//! Somebody is erased: at once for whoever writes or reads, and then once more when everything that was under way has
//! ended. What is left is the receipt.

use std::time::Duration;

use super::Switchboard;
use super::downloading::place;
use super::once::{Refused, repeated, under};
use crate::domain::erasures::{Erasure, Subject};
use crate::domain::jobs::{Job, Verdict};
use crate::store::StoreError;
use crate::store::erasures::{Running, Step};

/// How long to wait when the database or the disk is away, in milliseconds.
const AGAIN_MS: u64 = 5_000;
/// Bytes that were put in place a moment ago may be about to be named.
const FRESH: Duration = Duration::from_secs(60);
/// Dropped files that are looked at together.
const SOME_FILES: i64 = 1_000;

impl Switchboard {
    /// Begins the erasure of a contact's person, once for each key. Gives it, and whether the key had begun it before.
    ///
    /// # Errors
    /// See [`Refused`].
    pub async fn erase_contact(
        &self,
        workspace_id: &str,
        contact_id: &str,
        by: &str,
        key: Option<String>,
    ) -> Result<(Erasure, bool), Refused> {
        let wanted = under(key, "erasure", &contact_id, &self.store.clock().id());
        let (id, again) = match self.made_under(workspace_id, wanted.as_ref()).await? {
            Some(id) => (id, true),
            None => match self.store.begin_erasure(workspace_id, contact_id, by, wanted.as_ref()).await {
                Ok(id) => (id, false),
                Err(refusal) => (repeated(wanted.as_ref(), refusal)?, true),
            },
        };
        let erasure = self.store.erasure(workspace_id, &id).await?.ok_or(Refused::Gone)?;
        Ok((erasure, again))
    }

    /// Runs an erasure's job. It is never given up.
    pub async fn run_erasure(&self, job: &Job, erasure_id: &str) -> Verdict {
        match self.try_run_erasure(job, erasure_id).await {
            Ok(verdict) => verdict,
            Err(error) => {
                tracing::warn!(erasure_id, %error, "an erasure waits");
                Verdict::Wait { after_ms: AGAIN_MS, reason: error.to_string() }
            }
        }
    }

    async fn try_run_erasure(&self, job: &Job, erasure_id: &str) -> Result<Verdict, StoreError> {
        let Some(mut running) = self.store.running_erasure(&job.workspace_id, erasure_id).await? else {
            return Ok(Verdict::Drop);
        };
        self.forget_in_memory(&running.subject).await;
        while running.step != Step::Bytes {
            if !self.store.holds_job(&job.id).await? {
                return Ok(Verdict::Drop);
            }
            let step = running.step;
            self.store.erase_on(&mut running).await?;
            if matches!(step, Step::Cut | Step::End) {
                self.forget_in_memory(&running.subject).await;
            }
        }
        if running.pass == 1 {
            if let Some(verdict) = self.let_settle(&mut running).await? {
                return Ok(verdict);
            }
            self.store.erase_again(&mut running).await?;
            return Ok(Verdict::Wait { after_ms: 0, reason: "it is gone through once more".to_owned() });
        }
        if !self.remove_dropped_bytes().await? {
            return Ok(Verdict::Wait { after_ms: AGAIN_MS, reason: "bytes of files are left".to_owned() });
        }
        self.store.finish_erasure(&running).await?;
        tracing::info!(erasure_id, "a contact was erased");
        Ok(Verdict::Drop)
    }

    /// Waits until what was under way has ended: a turn, a send, a delivery, a download.
    async fn let_settle(&self, running: &mut Running) -> Result<Option<Verdict>, StoreError> {
        self.remove_dropped_bytes().await?;
        let now = self.now();
        let settle = i64::try_from(self.options.settle.as_millis()).unwrap_or(i64::MAX);
        let until = self.store.settle_erasure(running, now.saturating_add(settle)).await?;
        let left = u64::try_from(until - now).unwrap_or_default();
        Ok((left > 0).then(|| Verdict::Wait { after_ms: left, reason: "what is under way shall end".to_owned() }))
    }

    /// Lets this process forget what it holds of them.
    async fn forget_in_memory(&self, subject: &Subject) {
        self.routes.forget_conversations(&subject.conversations);
        for id in &subject.conversations {
            if let Err(error) = self.conversations.forget(id).await {
                tracing::warn!(conversation_id = id, %error, "a conversation's actor could not be asked to forget");
            }
        }
    }

    /// Deletes bytes that no row names any more. Gives `false` when some are left.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn remove_dropped_bytes(&self) -> Result<bool, StoreError> {
        let fresh = i64::try_from(FRESH.min(self.options.settle).as_millis()).unwrap_or(i64::MAX);
        let dropped = self.store.dropped_files(SOME_FILES).await?;
        let mut all = dropped.len() < usize::try_from(SOME_FILES).unwrap_or(usize::MAX);
        for (sha256, is_named) in dropped {
            let path = place(&self.options.files, &sha256);
            if !is_named && let Ok(known) = tokio::fs::metadata(&path).await {
                let put = known.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
                let put = put.map_or(0, |at| i64::try_from(at.as_millis()).unwrap_or_default());
                if self.now() - put < fresh {
                    all = false;
                    continue;
                }
                if !self.store.names_bytes(&sha256).await?
                    && let Err(error) = tokio::fs::remove_file(&path).await
                {
                    tracing::warn!(%error, "bytes of a file could not be deleted");
                    all = false;
                    continue;
                }
            }
            self.store.settle_dropped_file(&sha256).await?;
        }
        Ok(all)
    }
}
