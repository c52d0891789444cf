//! What a workspace's conversations came to, added up from the rows themselves when somebody asks: nothing is counted
//! beside them, so that nobody who writes waits for it. It writes nothing.

use futures_util::TryStreamExt as _;
use sqlx::{AssertSqlSafe, FromRow};

use super::db::{Parameter as _, fetch_all};
use super::rows::Rows;
use super::tables::dialect;
use super::{Db, Store, StoreError};
use crate::domain::analytics::{DaySpan, Exchange, Fact, Place, QUIET_MS};
use crate::domain::messages::{AuthorKind, Status};

/// Messages by day, channel, agent, author and status.
const MESSAGES: &str = "SELECT CAST(d.value->>0 AS BIGINT) AS day, m.channel_id AS channel_id, c.agent_id AS agent_id, CASE WHEN m.direction = 'inbound' THEN 'contact' WHEN m.author LIKE '{_kind_:_agent_%' THEN 'agent' WHEN m.author LIKE '{_kind_:_human_%' THEN 'human' ELSE 'system' END AS author, m.status AS status, COUNT(*) AS number FROM {rows} AS d CROSS JOIN messages AS m CROSS JOIN conversations AS c WHERE m.workspace_id = $2 AND m.created_at >= CAST(d.value->>1 AS BIGINT) AND m.created_at < CAST(d.value->>2 AS BIGINT) AND c.id = m.conversation_id AND c.workspace_id = $2 AND (CAST($3 AS TEXT) IS NULL OR m.channel_id = $3) AND (CAST($4 AS TEXT) IS NULL OR c.agent_id = $4) GROUP BY 1, 2, 3, 4, 5";
/// Hand-overs by day, channel and agent.
const HANDED_OVER: &str = "SELECT CAST(d.value->>0 AS BIGINT) AS day, c.channel_id AS channel_id, c.agent_id AS agent_id, COUNT(*) AS number FROM {rows} AS d CROSS JOIN events AS e CROSS JOIN conversations AS c WHERE e.workspace_id = $2 AND e.kind = 'agent.handed_over' AND e.at >= CAST(d.value->>1 AS BIGINT) AND e.at < CAST(d.value->>2 AS BIGINT) AND c.id = e.conversation_id AND c.workspace_id = $2 AND (CAST($3 AS TEXT) IS NULL OR c.channel_id = $3) AND (CAST($4 AS TEXT) IS NULL OR c.agent_id = $4) GROUP BY 1, 2, 3";
/// Each closing of a conversation, with what was told of it.
const CLOSED: &str = "SELECT e.at AS at, e.data AS data, c.channel_id AS channel_id, c.agent_id AS agent_id FROM events AS e CROSS JOIN conversations AS c WHERE e.workspace_id = $1 AND e.kind = 'conversation.closed' AND e.at >= $2 AND e.at < $3 AND c.id = e.conversation_id AND c.workspace_id = $1 AND (CAST($4 AS TEXT) IS NULL OR c.channel_id = $4) AND (CAST($5 AS TEXT) IS NULL OR c.agent_id = $5)";
/// Leads by day, channel and agent.
const LEADS: &str = "SELECT CAST(d.value->>0 AS BIGINT) AS day, c.channel_id AS channel_id, l.agent_id AS agent_id, COUNT(*) AS number FROM {rows} AS d CROSS JOIN leads AS l LEFT JOIN conversations AS c ON c.id = l.conversation_id AND c.workspace_id = $2 WHERE l.workspace_id = $2 AND l.created_at >= CAST(d.value->>1 AS BIGINT) AND l.created_at < CAST(d.value->>2 AS BIGINT) AND (CAST($3 AS TEXT) IS NULL OR c.channel_id = $3) AND (CAST($4 AS TEXT) IS NULL OR l.agent_id = $4) GROUP BY 1, 2, 3";
/// Exchanges that began from `$6` on, out of the messages from `$2` to before `$3`: a message begins one where nothing was
/// said for `$7` before it.
const EXCHANGES: &str = "WITH said AS (SELECT m.conversation_id, m.seq, m.created_at, m.direction, m.author, CASE WHEN m.created_at - LAG(m.created_at) OVER (PARTITION BY m.conversation_id ORDER BY m.seq) < $7 THEN 0 ELSE 1 END AS begins FROM messages AS m WHERE m.workspace_id = $1 AND m.created_at >= $2 AND m.created_at < $3 AND (CAST($4 AS TEXT) IS NULL OR m.channel_id = $4)), placed AS (SELECT said.*, SUM(said.begins) OVER (PARTITION BY said.conversation_id ORDER BY said.seq) AS place FROM said), asked AS (SELECT placed.*, MIN(CASE WHEN placed.direction = 'inbound' THEN placed.seq END) OVER (PARTITION BY placed.conversation_id, placed.place) AS asked_seq FROM placed) SELECT c.channel_id AS channel_id, c.agent_id AS agent_id, MIN(asked.created_at) AS opened_at, MIN(CASE WHEN asked.seq = asked.asked_seq THEN asked.created_at END) AS asked_at, MIN(CASE WHEN asked.seq > asked.asked_seq AND (asked.author LIKE '{_kind_:_agent_%' OR asked.author LIKE '{_kind_:_human_%') THEN asked.created_at END) AS answered_at, MAX(asked.created_at) AS last_at, CAST(MAX(CASE WHEN asked.author LIKE '{_kind_:_agent_%' THEN 1 ELSE 0 END) AS BIGINT) AS by_agent, CAST(MAX(CASE WHEN asked.author LIKE '{_kind_:_human_%' THEN 1 ELSE 0 END) AS BIGINT) AS by_person FROM asked CROSS JOIN conversations AS c WHERE c.id = asked.conversation_id AND c.workspace_id = $1 AND asked.asked_seq IS NOT NULL AND (CAST($5 AS TEXT) IS NULL OR c.agent_id = $5) GROUP BY asked.conversation_id, asked.place, c.channel_id, c.agent_id HAVING MIN(asked.created_at) >= $6";

/// What to look at of a workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AnalyticsFilter {
    /// What came through this channel only.
    pub channel_id: Option<String>,
    /// What is of conversations of this agent only.
    pub agent_id: Option<String>,
}

#[derive(FromRow)]
struct SaidRow {
    day: i64,
    channel_id: String,
    agent_id: Option<String>,
    author: String,
    status: String,
    number: i64,
}

#[derive(FromRow)]
struct CountRow {
    day: i64,
    channel_id: Option<String>,
    agent_id: Option<String>,
    number: i64,
}

#[derive(FromRow)]
struct ClosedRow {
    at: i64,
    data: String,
    channel_id: String,
    agent_id: Option<String>,
}

#[derive(FromRow)]
struct ExchangeRow {
    channel_id: String,
    agent_id: Option<String>,
    opened_at: i64,
    asked_at: i64,
    answered_at: Option<i64>,
    last_at: i64,
    by_agent: i64,
    by_person: i64,
}

impl SaidRow {
    fn fact(self) -> Option<(Place, Fact)> {
        let author = match self.author.as_str() {
            "contact" => AuthorKind::Contact,
            "agent" => AuthorKind::Agent,
            "human" => AuthorKind::Human,
            _ => AuthorKind::System,
        };
        let fact = Fact::Messages(author, Status::from_word(&self.status)?, self.number);
        let day = usize::try_from(self.day).ok()?;
        Some((Place { day, channel_id: Some(self.channel_id), agent_id: self.agent_id }, fact))
    }
}

impl CountRow {
    fn fact(self, of: impl Fn(i64) -> Fact) -> Option<(Place, Fact)> {
        let day = usize::try_from(self.day).ok()?;
        Some((Place { day, channel_id: self.channel_id, agent_id: self.agent_id }, of(self.number)))
    }
}

impl ClosedRow {
    fn fact(self, days: &[DaySpan]) -> (Place, Fact) {
        let told: serde_json::Value = serde_json::from_str(&self.data).unwrap_or_default();
        let opened_at = told.get("opened_at").and_then(serde_json::Value::as_i64).unwrap_or(self.at);
        let place = Place { day: day_of(days, self.at), channel_id: Some(self.channel_id), agent_id: self.agent_id };
        (place, Fact::Closed(self.at.saturating_sub(opened_at).max(0)))
    }
}

/// Place of the day in which a moment lies.
fn day_of(days: &[DaySpan], at: i64) -> usize {
    days.partition_point(|day| day.ends <= at)
}

impl ExchangeRow {
    fn fact(self, days: &[DaySpan]) -> (Place, Fact) {
        let day = day_of(days, self.opened_at);
        let fact = Fact::Exchange(Exchange {
            opened_at: self.opened_at,
            asked_at: self.asked_at,
            answered_at: self.answered_at,
            last_at: self.last_at,
            by_agent: self.by_agent != 0,
            by_person: self.by_person != 0,
        });
        (Place { day, channel_id: Some(self.channel_id), agent_id: self.agent_id }, fact)
    }
}

impl Store {
    /// Hands over what there is to count of these days, which follow each other. Exchanges are told that began on one of
    /// them, as far as they went until [`QUIET_MS`] after the last.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn analytics(
        &self,
        workspace_id: &str,
        days: &[DaySpan],
        filter: &AnalyticsFilter,
        mut tell: impl FnMut(Place, Fact),
    ) -> Result<(), StoreError> {
        let mut rows = Rows::new();
        for (place, day) in (0..).zip(days) {
            rows.row().int(place).int(day.begins).int(day.ends);
        }
        let spans = rows.into_json();
        let (channel, agent) = (filter.channel_id.as_deref(), filter.agent_id.as_deref());
        let sql = |text: &str| AssertSqlSafe(dialect(self.db()).statement(text));
        let said: Vec<SaidRow> =
            fetch_all!(self.db(), SaidRow, sql(MESSAGES), spans.as_str(), workspace_id, channel, agent)?;
        let handed: Vec<CountRow> =
            fetch_all!(self.db(), CountRow, sql(HANDED_OVER), spans.as_str(), workspace_id, channel, agent)?;
        let leads: Vec<CountRow> =
            fetch_all!(self.db(), CountRow, sql(LEADS), spans.as_str(), workspace_id, channel, agent)?;
        let (begins, ends) = (days.first().map_or(0, |day| day.begins), days.last().map_or(0, |day| day.ends));
        let closed: Vec<ClosedRow> =
            fetch_all!(self.db(), ClosedRow, CLOSED, workspace_id, begins, ends, channel, agent)?;
        closed.into_iter().map(|row| row.fact(days)).for_each(|(place, fact)| tell(place, fact));
        let told = said.into_iter().filter_map(SaidRow::fact);
        let told = told.chain(handed.into_iter().filter_map(|row| row.fact(Fact::HandedOver)));
        told.chain(leads.into_iter().filter_map(|row| row.fact(Fact::Leads)))
            .for_each(|(place, fact)| tell(place, fact));
        self.exchanges_of(workspace_id, days, filter, |row| {
            let (place, fact) = row.fact(days);
            tell(place, fact);
        })
        .await
    }

    /// They may be many, and pass one by one.
    async fn exchanges_of(
        &self,
        workspace_id: &str,
        days: &[DaySpan],
        filter: &AnalyticsFilter,
        mut each: impl FnMut(ExchangeRow),
    ) -> Result<(), StoreError> {
        let (Some(first), Some(last)) = (days.first(), days.last()) else { return Ok(()) };
        let (channel, agent) = (filter.channel_id.as_deref(), filter.agent_id.as_deref());
        macro_rules! pass {
            ($pool:expr) => {{
                let query = sqlx::query_as::<_, ExchangeRow>(EXCHANGES)
                    .bind(workspace_id.parameter())
                    .bind(first.begins - QUIET_MS)
                    .bind(last.ends + QUIET_MS)
                    .bind(channel.parameter())
                    .bind(agent.parameter())
                    .bind(first.begins)
                    .bind(QUIET_MS);
                let mut found = query.fetch($pool);
                while let Some(row) = found.try_next().await? {
                    // What began after the last day was read only to see how the others went on.
                    if row.opened_at < last.ends {
                        each(row);
                    }
                }
            }};
        }
        match self.db() {
            Db::Sqlite { read, .. } => pass!(read),
            Db::Postgres(pool) => pass!(pool),
        }
        Ok(())
    }
}
