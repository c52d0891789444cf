//! What names a person in texts that stay: events, webhook deliveries and raw deliveries are looked through page by page
//! and redacted, waiting jobs are deleted.

use sqlx::AssertSqlSafe;

use super::{Running, Step};
use crate::domain::deliveries::RawDelivery;
use crate::domain::erasures::{Search, redacted, redacted_body};
use crate::store::db::fetch_all;
use crate::store::tables::{TABLES, dialect, filled, whom};
use crate::store::transactions::{Transaction, run};
use crate::store::{Store, StoreError};

/// Rows that are looked at together.
const PAGE: i64 = 200;
/// Raw deliveries that are looked at together: each may be large.
const PAGE_OF_DELIVERIES: i64 = 20;
/// Pages that are looked at before it is written down how far it has come, where nothing is found.
const PAGES: usize = 50;

impl Store {
    /// What the texts of a workspace are searched for: the subject's names and conversations, and the ids of the rows
    /// that are still theirs.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn search_for(
        &self,
        workspace_id: &str,
        subject: &crate::domain::erasures::Subject,
    ) -> Result<Search, StoreError> {
        let given = whom(subject);
        let mut ids = Vec::new();
        let ours = TABLES.iter().filter(|table| {
            matches!(table.name, "messages" | "memories" | "tasks" | "follow_ups" | "leads" | "merges")
        });
        for table in ours {
            let Some((whose, key)) = table.whose() else { continue };
            let sql = format!("SELECT {key} FROM {} WHERE {whose}", table.name);
            let sql = AssertSqlSafe(dialect(self.db()).statement(&sql));
            let found: Vec<(String,)> = fetch_all!(self.db(), (String,), sql, given.as_str(), workspace_id)?;
            ids.extend(found.into_iter().map(|row| row.0));
        }
        let of_vendors = "SELECT provider_id FROM messages WHERE workspace_id = $2 AND provider_id IS NOT NULL AND conversation_id IN {conversations}";
        let sql = AssertSqlSafe(dialect(self.db()).statement(&filled(of_vendors)));
        let found: Vec<(String,)> = fetch_all!(self.db(), (String,), sql, given.as_str(), workspace_id)?;
        ids.extend(found.into_iter().map(|row| row.0));
        Ok(Search::new(subject, ids))
    }

    pub(super) async fn erase_jobs(&self, running: &mut Running) -> Result<(), StoreError> {
        let search = self.search_for(&running.workspace_id, &running.subject).await?;
        while running.step == Step::Jobs {
            let page: Vec<(String, String, Option<String>)> = fetch_all!(
                self.db(),
                (String, String, Option<String>),
                "SELECT id, work, last_error FROM jobs WHERE workspace_id = $1 AND id > $2 AND kind <> 'erase' ORDER BY id LIMIT $3",
                running.workspace_id.as_str(),
                running.reached.as_str(),
                PAGE
            )?;
            let mut tx = Transaction::begin(self.db()).await?;
            for (id, work, error) in &page {
                if search.finds(work) || error.as_ref().is_some_and(|error| search.finds(error)) {
                    let id = id.as_str();
                    let workspace_id = running.workspace_id.as_str();
                    let gone = run!(&mut tx, "DELETE FROM jobs WHERE workspace_id = $1 AND id = $2", workspace_id, id)?;
                    running.count("jobs", gone);
                }
            }
            match page.last() {
                Some(last) => running.reached.clone_from(&last.0),
                None => running.go_to(Step::Jobs.next()),
            }
            self.advance(tx, running).await?;
        }
        Ok(())
    }

    pub(super) async fn redact_events(&self, running: &mut Running) -> Result<(), StoreError> {
        let search = self.search_for(&running.workspace_id, &running.subject).await?;
        while running.step == Step::Events {
            let mut found = Vec::new();
            for _ in 0..PAGES {
                let page =
                    self.events(&running.workspace_id, running.reached.parse().unwrap_or_default(), PAGE).await?;
                let Some(last) = page.last() else {
                    running.go_to(Step::Events.next());
                    break;
                };
                running.reached = last.seq.to_string();
                let own = |id: &String| running.subject.conversations.contains(id);
                let theirs = page
                    .into_iter()
                    .filter(|event| event.conversation_id.as_ref().is_some_and(own) || search.finds(&event.data));
                found.extend(theirs.map(|event| (event.seq, redacted(&event.data).to_string(), event.data)));
                if !found.is_empty() {
                    break;
                }
            }
            let mut tx = Transaction::begin(self.db()).await?;
            for (seq, redacted, data) in found.iter().filter(|(_, redacted, data)| redacted != data) {
                let touched = run!(
                    &mut tx,
                    "UPDATE events SET data = $3 WHERE workspace_id = $1 AND seq = $2 AND data = $4",
                    running.workspace_id.as_str(),
                    *seq,
                    redacted.as_str(),
                    data.as_str()
                )?;
                running.count("events", touched);
            }
            self.advance(tx, running).await?;
        }
        Ok(())
    }

    pub(super) async fn redact_webhook_deliveries(&self, running: &mut Running) -> Result<(), StoreError> {
        let search = self.search_for(&running.workspace_id, &running.subject).await?;
        let workspace = running.workspace_id.clone();
        while running.step == Step::WebhookDeliveries {
            let mut found = Vec::new();
            for _ in 0..PAGES {
                let page: Vec<(String, String)> = fetch_all!(
                    self.db(),
                    (String, String),
                    "SELECT id, body FROM webhook_deliveries WHERE workspace_id = $1 AND id > $2 ORDER BY id LIMIT $3",
                    running.workspace_id.as_str(),
                    running.reached.as_str(),
                    PAGE
                )?;
                let Some(last) = page.last() else {
                    running.go_to(Step::WebhookDeliveries.next());
                    break;
                };
                running.reached.clone_from(&last.0);
                let theirs = page.into_iter().filter(|(_, body)| search.finds(body));
                found.extend(theirs.map(|(id, body)| (id, redacted_body(&body), body)));
                if !found.is_empty() {
                    break;
                }
            }
            let mut tx = Transaction::begin(self.db()).await?;
            for (id, redacted, _) in found.iter().filter(|(_, redacted, body)| redacted != body) {
                let workspace_id = workspace.as_str();
                const BODY: &str = "UPDATE webhook_deliveries SET body = $3 WHERE workspace_id = $1 AND id = $2";
                let touched = run!(&mut tx, BODY, workspace_id, id.as_str(), redacted.as_str())?;
                running.count("webhook_deliveries", touched);
                // Whoever was told may have answered with what they were told.
                const ANSWERS: &str =
                    "UPDATE webhook_attempts SET response = '' WHERE workspace_id = $1 AND delivery_id = $2";
                run!(&mut tx, ANSWERS, workspace_id, id.as_str())?;
            }
            self.advance(tx, running).await?;
        }
        Ok(())
    }

    /// A delivery may be about other people, too: it loses its body as a whole and keeps its outcome.
    pub(super) async fn redact_deliveries(&self, running: &mut Running) -> Result<(), StoreError> {
        let search = self.search_for(&running.workspace_id, &running.subject).await?;
        while running.step == Step::Deliveries {
            let mut found: Vec<(String, RawDelivery)> = Vec::new();
            for _ in 0..PAGES {
                let after = running.reached.clone();
                let page = self.deliveries_after(&running.workspace_id, &after, PAGE_OF_DELIVERIES).await?;
                let Some((last, _)) = page.last() else {
                    running.go_to(Step::Deliveries.next());
                    break;
                };
                running.reached.clone_from(last);
                found.extend(page.into_iter().filter(|(_, raw)| search.finds_in(raw)));
                if !found.is_empty() {
                    break;
                }
            }
            let mut tx = Transaction::begin(self.db()).await?;
            for (place, raw) in &found {
                let id = place.split_once(' ').map_or(place.as_str(), |(_, id)| id);
                let workspace_id = running.workspace_id.as_str();
                // What edits a message that never came is named by the delivery only.
                const EDITS: &str = "DELETE FROM revisions WHERE workspace_id = $1 AND $2 LIKE '%' || target || '%' AND NOT EXISTS (SELECT 1 FROM messages AS m WHERE m.channel_id = revisions.channel_id AND m.provider_id = revisions.target)";
                run!(&mut tx, EDITS, workspace_id, String::from_utf8_lossy(&raw.bytes()).as_ref())?;
                // What was cut off by a crash is not taken again.
                const BODY: &str = "UPDATE deliveries SET body = '', envelope = NULL, detail = '{\"erased\":true}', outcome = CASE WHEN outcome = 'pending' THEN 'ignored' ELSE outcome END WHERE workspace_id = $1 AND id = $2";
                running.count("deliveries", run!(&mut tx, BODY, workspace_id, id)?);
            }
            self.advance(tx, running).await?;
        }
        Ok(())
    }

    /// Deliveries of a workspace in the order of their coming, after a place in it, each with its place.
    pub(in crate::store) async fn deliveries_after(
        &self,
        workspace_id: &str,
        place: &str,
        limit: i64,
    ) -> Result<Vec<(String, RawDelivery)>, StoreError> {
        let (at, id) = place.split_once(' ').unwrap_or(("", ""));
        let page: Vec<(String, i64, String, Option<String>)> = fetch_all!(
            self.db(),
            (String, i64, String, Option<String>),
            "SELECT id, received_at, body, envelope FROM deliveries WHERE workspace_id = $1 AND (received_at, id) > ($2, $3) ORDER BY received_at, id LIMIT $4",
            workspace_id,
            at.parse::<i64>().unwrap_or(i64::MIN),
            id,
            limit
        )?;
        let read = |(id, at, body, envelope): (String, i64, String, Option<String>)| {
            let envelope = envelope.and_then(|text| serde_json::from_str(&text).ok());
            (format!("{at} {id}"), RawDelivery { body, envelope })
        };
        Ok(page.into_iter().map(read).collect())
    }
}
