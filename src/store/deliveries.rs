//! The ledger of raw vendor deliveries.

use sqlx::FromRow;

use super::db::{fetch_all, fetch_one, fetch_optional};
use super::{Store, StoreError};
use crate::domain::deliveries::{DeliveryOutcome, RawDelivery};

#[derive(FromRow)]
struct DeliveryRow {
    id: String,
    workspace_id: Option<String>,
    channel_id: Option<String>,
    kind: String,
    received_at: i64,
    outcome: String,
    detail: Option<String>,
    body: String,
    envelope: Option<String>,
}

/// A stored delivery.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredDelivery {
    /// UUID.
    pub id: String,
    /// The workspace it was for.
    pub workspace_id: Option<String>,
    /// The channel it was for.
    pub channel_id: Option<String>,
    /// Kind of channel.
    pub kind: String,
    /// Unix milliseconds.
    pub received_at: i64,
    /// How it ended.
    pub outcome: DeliveryOutcome,
    /// Why, by part.
    pub detail: Option<serde_json::Value>,
    /// What came.
    pub raw: RawDelivery,
}

impl DeliveryRow {
    fn into_delivery(self) -> Result<StoredDelivery, StoreError> {
        let unreadable = |column: &'static str, reason: String| StoreError::Unreadable {
            table: "deliveries",
            column,
            id: self.id.clone(),
            reason,
        };
        let outcome =
            DeliveryOutcome::from_word(&self.outcome).ok_or_else(|| unreadable("outcome", self.outcome.clone()))?;
        let detail = match &self.detail {
            Some(text) => Some(serde_json::from_str(text).map_err(|error| unreadable("detail", error.to_string()))?),
            None => None,
        };
        let envelope = match &self.envelope {
            Some(text) => Some(serde_json::from_str(text).map_err(|error| unreadable("envelope", error.to_string()))?),
            None => None,
        };
        Ok(StoredDelivery {
            id: self.id,
            workspace_id: self.workspace_id,
            channel_id: self.channel_id,
            kind: self.kind,
            received_at: self.received_at,
            outcome,
            detail,
            raw: RawDelivery { body: self.body, envelope },
        })
    }
}

impl Store {
    /// The deliveries of a workspace, newest first; those of one outcome only, if given.
    ///
    /// # Errors
    /// The database is not available, or a row cannot be read.
    pub async fn deliveries(
        &self,
        workspace_id: &str,
        outcome: Option<DeliveryOutcome>,
        limit: i64,
        offset: i64,
    ) -> Result<(Vec<StoredDelivery>, i64), StoreError> {
        let word = outcome.map(DeliveryOutcome::as_str);
        let rows = fetch_all!(
            self.db(),
            DeliveryRow,
            "SELECT id, workspace_id, channel_id, kind, received_at, outcome, detail, body, envelope FROM deliveries WHERE workspace_id = $1 AND (CAST($2 AS TEXT) IS NULL OR outcome = $2) ORDER BY received_at DESC, id DESC LIMIT $3 OFFSET $4",
            workspace_id,
            word,
            limit,
            offset
        )?;
        let total: (i64,) = fetch_one!(
            self.db(),
            (i64,),
            "SELECT COUNT(*) FROM deliveries WHERE workspace_id = $1 AND (CAST($2 AS TEXT) IS NULL OR outcome = $2)",
            workspace_id,
            word
        )?;
        Ok((rows.into_iter().map(DeliveryRow::into_delivery).collect::<Result<_, _>>()?, total.0))
    }

    /// One delivery of a workspace.
    ///
    /// # Errors
    /// The database is not available, or the row cannot be read.
    pub async fn delivery(&self, workspace_id: &str, id: &str) -> Result<Option<StoredDelivery>, StoreError> {
        fetch_optional!(
            self.db(),
            DeliveryRow,
            "SELECT id, workspace_id, channel_id, kind, received_at, outcome, detail, body, envelope FROM deliveries WHERE workspace_id = $1 AND id = $2",
            workspace_id,
            id
        )?
        .map(DeliveryRow::into_delivery)
        .transpose()
    }

    /// When a channel's newest delivery came, in Unix milliseconds, and how it ended.
    ///
    /// # Errors
    /// The database is not available, or the row cannot be read.
    pub async fn newest_delivery(
        &self,
        workspace_id: &str,
        channel_id: &str,
    ) -> Result<Option<(i64, DeliveryOutcome)>, StoreError> {
        let row = fetch_optional!(
            self.db(),
            (String, i64, String),
            "SELECT id, received_at, outcome FROM deliveries WHERE workspace_id = $1 AND channel_id = $2 ORDER BY received_at DESC, id DESC LIMIT 1",
            workspace_id,
            channel_id
        )?;
        let Some((id, received_at, word)) = row else { return Ok(None) };
        let outcome = DeliveryOutcome::from_word(&word);
        let outcome =
            outcome.ok_or(StoreError::Unreadable { table: "deliveries", column: "outcome", id, reason: word })?;
        Ok(Some((received_at, outcome)))
    }

    /// How many deliveries are written down whose events are not yet, over all workspaces, for the metrics.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn count_unfinished_deliveries(&self) -> Result<i64, StoreError> {
        fetch_one!(self.db(), (i64,), "SELECT COUNT(*) FROM deliveries WHERE outcome = 'pending'").map(|row| row.0)
    }

    /// Deliveries that were written down before `before` and whose events were not: a crash came between.
    ///
    /// # Errors
    /// The database is not available, or a row cannot be read.
    pub async fn unfinished_deliveries(&self, before: i64, limit: i64) -> Result<Vec<StoredDelivery>, StoreError> {
        fetch_all!(
            self.db(),
            DeliveryRow,
            "SELECT id, workspace_id, channel_id, kind, received_at, outcome, detail, body, envelope FROM deliveries WHERE outcome = 'pending' AND received_at < $1 ORDER BY received_at, id LIMIT $2",
            before,
            limit
        )?
        .into_iter()
        .map(DeliveryRow::into_delivery)
        .collect()
    }
}
