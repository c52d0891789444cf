//! Attempts to deliver to a webhook endpoint: each is kept, and settles its delivery and its endpoint with it.

use sqlx::FromRow;

use super::{DueDelivery, NewDelivery};
use crate::domain::webhooks::{Cause, DeliveryState, Endpoint, Outcome, Standing, standing};
use crate::store::db::fetch_all;
use crate::store::transactions::{Told, Transaction, rows, run};
use crate::store::{Store, StoreError};

/// Attempts of a delivery that are kept; more there are only where somebody asks for it again and again.
const KEPT: i64 = 50;

/// An attempt that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAttempt {
    /// UUID.
    pub id: String,
    /// What for.
    pub cause: Cause,
    /// When it began, Unix milliseconds.
    pub at: i64,
    /// Method, address and headers, without secrets.
    pub request: String,
    /// HTTP status; none: no answer.
    pub status: Option<i64>,
    /// The beginning of the answer's body.
    pub response: String,
    /// Why no answer came, or not all of it.
    pub error: Option<String>,
    /// Milliseconds.
    pub duration_ms: i64,
}

/// An attempt as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Attempt {
    /// UUID.
    pub id: String,
    /// The stored word of what it was made for.
    pub cause: String,
    /// Unix milliseconds.
    pub at: i64,
    /// Method, address and headers, without secrets.
    pub request: String,
    /// HTTP status.
    pub status: Option<i64>,
    /// The beginning of the answer's body.
    pub response: String,
    /// Why no answer came, or not all of it.
    pub error: Option<String>,
    /// Milliseconds.
    pub duration_ms: i64,
}

/// What follows from an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptEnd {
    /// What the answer means.
    pub outcome: Outcome,
    /// How long the endpoint asks to be left alone, in milliseconds.
    pub wish_ms: Option<i64>,
    /// When the next attempt is due, Unix milliseconds; none: there is none.
    pub next_attempt_at: Option<i64>,
    /// Why it did not succeed.
    pub reason: Option<String>,
}

impl Store {
    /// Writes an attempt down with what follows from it: how far its delivery is, and whether its endpoint is paused or
    /// disabled. Gives whether the endpoint may be told more at once.
    ///
    /// # Errors
    /// The database is not available; then the attempt is not known to have been made.
    pub async fn settle_webhook_attempt(
        &self,
        endpoint: &Endpoint,
        delivery: &DueDelivery,
        attempt: &NewAttempt,
        end: &AttemptEnd,
    ) -> Result<bool, StoreError> {
        let now = self.clock().now();
        let mut tx = Transaction::begin(self.db()).await?;
        // The endpoint's row first, as everybody does who writes both.
        let (told, goes_on) = match end.outcome {
            Outcome::Delivered => {
                let succeeded = run!(
                    &mut tx,
                    "UPDATE webhook_endpoints SET failures = 0, failing_since = NULL, paused_until = NULL, last_success_at = $3 WHERE workspace_id = $1 AND id = $2",
                    endpoint.workspace_id.as_str(),
                    endpoint.id.as_str(),
                    now
                )?;
                (None, succeeded > 0)
            }
            _ => self.note_failure(&mut tx, endpoint, end, now).await?,
        };
        let state = match (end.outcome, end.next_attempt_at) {
            (Outcome::Delivered, _) => DeliveryState::Delivered,
            (_, Some(_)) => DeliveryState::Waiting,
            (_, None) => DeliveryState::Failed,
        };
        run!(
            &mut tx,
            "UPDATE webhook_deliveries SET state = $3, attempts = attempts + 1, next_attempt_at = $4, reason = $5, ended_at = CASE WHEN $3 = 'waiting' THEN NULL ELSE $6 END WHERE workspace_id = $1 AND id = $2 AND state = 'waiting'",
            endpoint.workspace_id.as_str(),
            delivery.id.as_str(),
            state.as_str(),
            end.next_attempt_at,
            end.reason.as_deref(),
            Some(now)
        )?;
        self.keep_attempt(&mut tx, &endpoint.workspace_id, &delivery.id, attempt).await?;
        self.tell_and_commit(tx, &endpoint.workspace_id, told.into_iter().collect()).await?;
        Ok(goes_on)
    }

    async fn note_failure(
        &self,
        tx: &mut Transaction,
        endpoint: &Endpoint,
        end: &AttemptEnd,
        now: i64,
    ) -> Result<(Option<Told>, bool), StoreError> {
        let (workspace_id, id) = (endpoint.workspace_id.as_str(), endpoint.id.as_str());
        let counted = rows!(
            tx,
            (i64, i64),
            "UPDATE webhook_endpoints SET failures = failures + 1, failing_since = COALESCE(failing_since, $3) WHERE workspace_id = $1 AND id = $2 AND state = 'active' RETURNING failures, failing_since",
            workspace_id,
            id,
            now
        )?;
        let Some((failures, since)) = counted.into_iter().next() else { return Ok((None, false)) };
        match standing(end.outcome, end.wish_ms, failures, since, now) {
            Standing::Open => Ok((None, true)),
            Standing::Pause(wait) => {
                run!(
                    tx,
                    "UPDATE webhook_endpoints SET paused_until = $3 WHERE workspace_id = $1 AND id = $2 AND COALESCE(paused_until, 0) < $3",
                    workspace_id,
                    id,
                    now.saturating_add(wait)
                )?;
                Ok((None, false))
            }
            Standing::Disable(reason) => {
                tracing::warn!(workspace_id, endpoint_id = id, reason, "a webhook endpoint is disabled");
                Ok((self.disable_webhook_endpoint(tx, workspace_id, id, reason).await?, false))
            }
        }
    }

    /// Writes a test down: a delivery with its only attempt. It changes nothing else.
    ///
    /// # Errors
    /// The database is not available, or the endpoint is gone.
    pub async fn keep_webhook_test(
        &self,
        endpoint: &Endpoint,
        delivery: &NewDelivery,
        attempt: &NewAttempt,
        end: &AttemptEnd,
    ) -> Result<(), StoreError> {
        let state = if end.outcome == Outcome::Delivered { DeliveryState::Delivered } else { DeliveryState::Failed };
        let mut tx = Transaction::begin(self.db()).await?;
        run!(
            &mut tx,
            "INSERT INTO webhook_deliveries (id, workspace_id, endpoint_id, event_seq, event, body, state, cause, attempts, reason, created_at, ended_at) SELECT $1, e.workspace_id, e.id, NULL, $4, $5, $6, 'test', 1, $7, $8, $9 FROM webhook_endpoints AS e WHERE e.workspace_id = $2 AND e.id = $3",
            delivery.id.as_str(),
            endpoint.workspace_id.as_str(),
            endpoint.id.as_str(),
            delivery.event.as_str(),
            delivery.body.as_str(),
            state.as_str(),
            end.reason.as_deref(),
            attempt.at,
            self.clock().now()
        )?;
        self.keep_attempt(&mut tx, &endpoint.workspace_id, &delivery.id, attempt).await?;
        self.tell_and_commit(tx, &endpoint.workspace_id, Vec::new()).await
    }

    async fn keep_attempt(
        &self,
        tx: &mut Transaction,
        workspace_id: &str,
        delivery_id: &str,
        attempt: &NewAttempt,
    ) -> Result<(), StoreError> {
        run!(
            tx,
            "INSERT INTO webhook_attempts (id, workspace_id, delivery_id, cause, at, request, status, response, error, duration_ms) SELECT $3, d.workspace_id, d.id, $4, $5, $6, $7, $8, $9, $10 FROM webhook_deliveries AS d WHERE d.workspace_id = $1 AND d.id = $2",
            workspace_id,
            delivery_id,
            attempt.id.as_str(),
            attempt.cause.as_str(),
            attempt.at,
            attempt.request.as_str(),
            attempt.status,
            attempt.response.as_str(),
            attempt.error.as_deref(),
            attempt.duration_ms
        )?;
        run!(
            tx,
            "DELETE FROM webhook_attempts WHERE workspace_id = $1 AND delivery_id = $2 AND id IN (SELECT a.id FROM webhook_attempts AS a WHERE a.delivery_id = $2 ORDER BY a.at DESC, a.id DESC LIMIT 1000 OFFSET $3)",
            workspace_id,
            delivery_id,
            KEPT
        )?;
        Ok(())
    }

    /// The attempts of a delivery of the workspace, oldest first.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn webhook_attempts(&self, workspace_id: &str, delivery_id: &str) -> Result<Vec<Attempt>, StoreError> {
        fetch_all!(
            self.db(),
            Attempt,
            "SELECT id, cause, at, request, status, response, error, duration_ms FROM webhook_attempts WHERE workspace_id = $1 AND delivery_id = $2 ORDER BY at, id",
            workspace_id,
            delivery_id
        )
    }
}
