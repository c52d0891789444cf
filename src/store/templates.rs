//! Message templates, as their vendors listed them last. `channels.templates_at` says when a channel's list was last read,
//! and is empty once something has changed since.

use sqlx::{AssertSqlSafe, FromRow};
use switchboard_channels::contract::inbound::TemplateNews;
use switchboard_channels::contract::outbound::TemplateInfo;

use super::db::{execute, fetch_all, fetch_one, fetch_optional};
use super::idempotency::remember;
use super::rows::Rows;
use super::tables::dialect;
use super::tasks::like;
use super::transactions::{Transaction, lost_a_race, run};
use super::{Store, StoreError};
use crate::domain::changes::Idempotency;
use crate::domain::channels::Channel;
use crate::domain::templates::{APPROVED, Template};

/// Most approved templates that are told at once.
const MOST_APPROVED: i64 = 1_000;
const PAGE: &str = r"SELECT id, channel_id, provider_id, name, language, category, status, reason, components, synced_at FROM message_templates WHERE workspace_id = $1 AND (CAST($2 AS TEXT) IS NULL OR channel_id = $2) AND (CAST($3 AS TEXT) IS NULL OR status = $3) AND (CAST($4 AS TEXT) IS NULL OR language = $4) AND (CAST($5 AS TEXT) IS NULL OR category = $5) AND (CAST($6 AS TEXT) IS NULL OR name = $6) AND (CAST($7 AS TEXT) IS NULL OR LOWER(name) LIKE $7 ESCAPE '\' OR LOWER(components) LIKE $7 ESCAPE '\') ORDER BY name, language, channel_id LIMIT $8 OFFSET $9";
const TOTAL: &str = r"SELECT COUNT(*) FROM message_templates WHERE workspace_id = $1 AND (CAST($2 AS TEXT) IS NULL OR channel_id = $2) AND (CAST($3 AS TEXT) IS NULL OR status = $3) AND (CAST($4 AS TEXT) IS NULL OR language = $4) AND (CAST($5 AS TEXT) IS NULL OR category = $5) AND (CAST($6 AS TEXT) IS NULL OR name = $6) AND (CAST($7 AS TEXT) IS NULL OR LOWER(name) LIKE $7 ESCAPE '\' OR LOWER(components) LIKE $7 ESCAPE '\')";
/// A row that is there keeps its id.
const PUT: &str = "INSERT INTO message_templates (id, workspace_id, channel_id, provider_id, name, language, category, status, reason, components, created_at, synced_at) SELECT t.value->>0, $2, $3, t.value->>1, t.value->>2, t.value->>3, t.value->>4, t.value->>5, t.value->>6, t.value->>7, $4, $4 FROM {rows} AS t WHERE EXISTS (SELECT 1 FROM channels WHERE id = $3 AND workspace_id = $2) ON CONFLICT (channel_id, name, language) DO UPDATE SET provider_id = excluded.provider_id, category = excluded.category, status = excluded.status, reason = excluded.reason, components = excluded.components, synced_at = excluded.synced_at";

/// Which templates to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TemplateFilter {
    /// Only those of this channel.
    pub channel_id: Option<String>,
    /// Only those with this word of the vendor's.
    pub status: Option<String>,
    /// Only those in this language.
    pub language: Option<String>,
    /// Only those of this category.
    pub category: Option<String>,
    /// Only those of this name.
    pub name: Option<String>,
    /// Only those in whose name or parts this stands, in whatever case.
    pub q: Option<String>,
}

#[derive(FromRow)]
struct TemplateRow {
    id: String,
    channel_id: String,
    provider_id: Option<String>,
    name: String,
    language: String,
    category: Option<String>,
    status: String,
    reason: Option<String>,
    components: String,
    synced_at: i64,
}

impl TemplateRow {
    fn into_template(self) -> Result<Template, StoreError> {
        let components = serde_json::from_str(&self.components).map_err(|error| StoreError::Unreadable {
            table: "message_templates",
            column: "components",
            id: self.id.clone(),
            reason: error.to_string(),
        })?;
        Ok(Template {
            id: self.id,
            channel_id: self.channel_id,
            provider_id: self.provider_id,
            name: self.name,
            language: self.language,
            category: self.category,
            status: self.status,
            reason: self.reason,
            components,
            synced_at: self.synced_at,
        })
    }
}

/// Adds a template to the rows of a statement.
fn write(rows: &mut Rows, id: &str, listed: &TemplateInfo) {
    rows.row()
        .text(id)
        .maybe_text(listed.id.as_deref())
        .text(&listed.name)
        .text(&listed.language)
        .maybe_text(listed.category.as_deref())
        .text(&listed.status)
        .maybe_text(listed.reason.as_deref())
        .text(&serde_json::Value::from(listed.components.clone()).to_string());
}

impl Store {
    /// The templates of a workspace that a filter lets through, by name, and how many there are.
    ///
    /// # Errors
    /// The database is not available, or a row cannot be read.
    pub async fn templates(
        &self,
        workspace_id: &str,
        filter: &TemplateFilter,
        limit: i64,
        offset: i64,
    ) -> Result<(Vec<Template>, i64), StoreError> {
        let TemplateFilter { channel_id, status, language, category, name, q } = filter;
        let (channel_id, status, language) = (channel_id.as_deref(), status.as_deref(), language.as_deref());
        let (category, name, like) = (category.as_deref(), name.as_deref(), q.as_deref().map(like));
        let like = like.as_deref();
        let found = fetch_all!(
            self.db(),
            TemplateRow,
            PAGE,
            workspace_id,
            channel_id,
            status,
            language,
            category,
            name,
            like,
            limit,
            offset
        )?;
        let (total,) =
            fetch_one!(self.db(), (i64,), TOTAL, workspace_id, channel_id, status, language, category, name, like)?;
        Ok((found.into_iter().map(TemplateRow::into_template).collect::<Result<_, _>>()?, total))
    }

    /// What of a channel's templates may be sent, by name.
    ///
    /// # Errors
    /// As [`Self::templates`].
    pub async fn approved_templates(&self, workspace_id: &str, channel_id: &str) -> Result<Vec<Template>, StoreError> {
        let filter = TemplateFilter {
            channel_id: Some(channel_id.to_owned()),
            status: Some(APPROVED.to_owned()),
            ..TemplateFilter::default()
        };
        self.templates(workspace_id, &filter, MOST_APPROVED, 0).await.map(|(found, _)| found)
    }

    /// One template of the workspace.
    ///
    /// # Errors
    /// As [`Self::templates`].
    pub async fn template(&self, workspace_id: &str, id: &str) -> Result<Option<Template>, StoreError> {
        let row = fetch_optional!(
            self.db(),
            TemplateRow,
            "SELECT id, channel_id, provider_id, name, language, category, status, reason, components, synced_at FROM message_templates WHERE workspace_id = $1 AND id = $2",
            workspace_id,
            id
        )?;
        row.map(TemplateRow::into_template).transpose()
    }

    /// When the list of a channel's templates was last read; none: never, or it has changed since.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn templates_at(&self, workspace_id: &str, channel_id: &str) -> Result<Option<i64>, StoreError> {
        let row = fetch_optional!(
            self.db(),
            (Option<i64>,),
            "SELECT templates_at FROM channels WHERE workspace_id = $1 AND id = $2",
            workspace_id,
            channel_id
        )?;
        Ok(row.and_then(|row| row.0))
    }

    /// Takes over a vendor's list, which was asked for at `since`. When it is whole, what it does not have is gone.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn put_templates(
        &self,
        workspace_id: &str,
        channel_id: &str,
        listed: &[TemplateInfo],
        (since, whole): (i64, bool),
    ) -> Result<(), StoreError> {
        let now = self.clock().now();
        let mut rows = Rows::new();
        let mut seen = std::collections::HashSet::new();
        for template in listed.iter().filter(|listed| seen.insert((&listed.name, &listed.language))) {
            write(&mut rows, &self.clock().id(), template);
        }
        let rows = rows.into_json();
        let put = AssertSqlSafe(dialect(self.db()).statement(PUT));
        let mut tx = Transaction::begin(self.db()).await?;
        if !seen.is_empty() {
            run!(&mut tx, put, rows.as_str(), workspace_id, channel_id, now)?;
        }
        if whole {
            run!(
                &mut tx,
                "DELETE FROM message_templates WHERE workspace_id = $1 AND channel_id = $2 AND synced_at < $3",
                workspace_id,
                channel_id,
                since
            )?;
        }
        run!(
            &mut tx,
            "UPDATE channels SET templates_at = $3 WHERE workspace_id = $1 AND id = $2",
            workspace_id,
            channel_id,
            now
        )?;
        tx.commit().await
    }

    /// Adds a template that was handed in, once for each key, and gives it; or what was made under the key before.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn add_template(
        &self,
        channel: &Channel,
        (id, made): (&str, &TemplateInfo),
        key: Option<&Idempotency>,
    ) -> Result<Result<Option<Template>, Idempotency>, StoreError> {
        match self.try_add_template(channel, (id, made), key).await {
            Err(error) if lost_a_race(&error) => self.try_add_template(channel, (id, made), key).await,
            done => done,
        }
    }

    async fn try_add_template(
        &self,
        channel: &Channel,
        (id, made): (&str, &TemplateInfo),
        key: Option<&Idempotency>,
    ) -> Result<Result<Option<Template>, Idempotency>, StoreError> {
        let now = self.clock().now();
        let mut rows = Rows::new();
        write(&mut rows, id, made);
        let rows = rows.into_json();
        let put = AssertSqlSafe(dialect(self.db()).statement(PUT));
        let mut tx = Transaction::begin(self.db()).await?;
        if let Some(earlier) = remember(&mut tx, &channel.workspace_id, key, now).await? {
            return Ok(Err(earlier));
        }
        // A list that was read meanwhile may have it already, under another id: the key stands for this one.
        run!(
            &mut tx,
            "DELETE FROM message_templates WHERE workspace_id = $1 AND channel_id = $2 AND name = $3 AND language = $4",
            channel.workspace_id.as_str(),
            channel.id.as_str(),
            made.name.as_str(),
            made.language.as_str()
        )?;
        run!(&mut tx, put, rows.as_str(), channel.workspace_id.as_str(), channel.id.as_str(), now)?;
        tx.commit().await?;
        self.template(&channel.workspace_id, id).await.map(Ok)
    }

    /// Removes a template. Gives whether it was there.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn remove_template(&self, workspace_id: &str, id: &str) -> Result<bool, StoreError> {
        let removed =
            execute!(self.db(), "DELETE FROM message_templates WHERE workspace_id = $1 AND id = $2", workspace_id, id)?;
        Ok(removed > 0)
    }

    /// A channel's templates have changed at the vendor: all channels of the workspace under the same business account
    /// have them, and read them anew next time. What the news say holds at once.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn templates_changed(&self, channel: &Channel, news: Option<&TemplateNews>) -> Result<(), StoreError> {
        let mut tx = Transaction::begin(self.db()).await?;
        if let Some(news) = news {
            run!(
                &mut tx,
                "UPDATE message_templates SET status = COALESCE($6, status), category = COALESCE($7, category), reason = CASE WHEN $6 IS NULL THEN reason ELSE $8 END, synced_at = $9 WHERE workspace_id = $1 AND channel_id IN (SELECT c.id FROM channels AS c WHERE c.workspace_id = $1 AND (c.id = $2 OR (c.kind = $3 AND c.business = $4))) AND name = $5 AND REPLACE(language, '-', '_') = REPLACE($10, '-', '_')",
                channel.workspace_id.as_str(),
                channel.id.as_str(),
                channel.kind.as_str(),
                channel.business.as_deref(),
                news.name.as_str(),
                news.status.as_deref(),
                news.category.as_deref(),
                news.reason.as_deref(),
                self.clock().now(),
                news.language.as_str()
            )?;
        }
        run!(
            &mut tx,
            "UPDATE channels SET templates_at = NULL WHERE workspace_id = $1 AND (id = $2 OR (kind = $3 AND business = $4))",
            channel.workspace_id.as_str(),
            channel.id.as_str(),
            channel.kind.as_str(),
            channel.business.as_deref()
        )?;
        tx.commit().await
    }
}
