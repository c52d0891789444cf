//! What workspaces use. Messages are counted by the hot path, turns with their traces; this adds the latter and reads.

use std::collections::BTreeMap;

use sqlx::FromRow;

use super::db::{fetch_all, fetch_one};
use super::transactions::{Transaction, run};
use super::{Store, StoreError};
use crate::domain::usage::{Consumption, Month, Spent, Usage, UsageBy};

/// Reads the days `$2` to `$3` of a workspace by one of the columns.
macro_rules! by {
    ($column:literal) => {
        concat!(
            "SELECT ",
            $column,
            " AS place, currency, CAST(SUM(messages_in) AS BIGINT) AS messages_in, CAST(SUM(messages_out) AS BIGINT) AS messages_out, CAST(SUM(turns) AS BIGINT) AS turns, CAST(SUM(input_tokens) AS BIGINT) AS input_tokens, CAST(SUM(output_tokens) AS BIGINT) AS output_tokens, CAST(SUM(hosted_tokens) AS BIGINT) AS hosted_tokens, CAST(SUM(cost_micros) AS BIGINT) AS cost_micros FROM usage_days WHERE workspace_id = $1 AND day >= $2 AND day <= $3 GROUP BY 1, 2"
        )
    };
}

/// Where in the usage something is counted.
pub(super) struct Place<'a> {
    pub(super) workspace_id: &'a str,
    pub(super) day: i64,
    pub(super) agent_id: &'a str,
    pub(super) channel_id: &'a str,
}

#[derive(FromRow)]
struct UsageRow {
    place: String,
    currency: String,
    messages_in: i64,
    messages_out: i64,
    turns: i64,
    input_tokens: i64,
    output_tokens: i64,
    hosted_tokens: i64,
    cost_micros: i64,
}

impl From<UsageRow> for Usage {
    fn from(row: UsageRow) -> Self {
        let costs = (!row.currency.is_empty()).then_some((row.currency, row.cost_micros));
        Self {
            messages_in: row.messages_in,
            messages_out: row.messages_out,
            turns: row.turns,
            input_tokens: row.input_tokens,
            output_tokens: row.output_tokens,
            hosted_tokens: row.hosted_tokens,
            costs: costs.into_iter().collect(),
        }
    }
}

/// Adds what a turn used; the turn itself under its model, where it is new.
pub(super) async fn add_turn(
    tx: &mut Transaction,
    place: &Place<'_>,
    new_of: Option<&str>,
    grown: &[Spent],
) -> Result<(), StoreError> {
    let mut sums: BTreeMap<(&str, &str), Usage> = BTreeMap::new();
    for spent in grown {
        let sum = sums.entry((&spent.model, &spent.currency)).or_default();
        sum.input_tokens += spent.input_tokens;
        sum.output_tokens += spent.output_tokens;
        sum.hosted_tokens += if spent.hosted { spent.input_tokens + spent.output_tokens } else { 0 };
        *sum.costs.entry(spent.currency.clone()).or_default() += spent.cost_micros;
    }
    if let Some(model) = new_of {
        let priced = grown.iter().find(|spent| spent.model == model);
        sums.entry((model, priced.map_or("", |spent| &spent.currency))).or_default().turns += 1;
    }
    for ((model, currency), sum) in sums {
        run!(
            tx,
            "INSERT INTO usage_days (workspace_id, day, agent_id, channel_id, model, currency, turns, input_tokens, output_tokens, hosted_tokens, cost_micros) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (workspace_id, day, agent_id, channel_id, model, currency) DO UPDATE SET turns = usage_days.turns + excluded.turns, input_tokens = usage_days.input_tokens + excluded.input_tokens, output_tokens = usage_days.output_tokens + excluded.output_tokens, hosted_tokens = usage_days.hosted_tokens + excluded.hosted_tokens, cost_micros = usage_days.cost_micros + excluded.cost_micros",
            place.workspace_id,
            place.day,
            place.agent_id,
            place.channel_id,
            model,
            currency,
            sum.turns,
            sum.input_tokens,
            sum.output_tokens,
            sum.hosted_tokens,
            sum.costs.get(currency).copied().unwrap_or_default()
        )?;
    }
    Ok(())
}

impl Store {
    /// What a workspace used on these days, the last one included, by day (its number), agent, channel or model; an
    /// empty name: there was none.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn usage(
        &self,
        workspace_id: &str,
        from: i64,
        to: i64,
        by: UsageBy,
    ) -> Result<BTreeMap<String, Usage>, StoreError> {
        let rows: Vec<UsageRow> = match by {
            UsageBy::Day => fetch_all!(self.db(), UsageRow, by!("CAST(day AS TEXT)"), workspace_id, from, to),
            UsageBy::Agent => fetch_all!(self.db(), UsageRow, by!("agent_id"), workspace_id, from, to),
            UsageBy::Channel => fetch_all!(self.db(), UsageRow, by!("channel_id"), workspace_id, from, to),
            UsageBy::Model => fetch_all!(self.db(), UsageRow, by!("model"), workspace_id, from, to),
        }?;
        let mut places: BTreeMap<String, Usage> = BTreeMap::new();
        for row in rows {
            places.entry(row.place.clone()).or_default().add(&row.into());
        }
        Ok(places)
    }

    /// What counts against a workspace's monthly limits.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn consumption(&self, workspace_id: &str, month: Month) -> Result<Consumption, StoreError> {
        let (messages, tokens) = fetch_one!(
            self.db(),
            (i64, i64),
            "SELECT CAST(COALESCE(SUM(messages_in + messages_out), 0) AS BIGINT), CAST(COALESCE(SUM(hosted_tokens), 0) AS BIGINT) FROM usage_days WHERE workspace_id = $1 AND day >= $2 AND day < $3",
            workspace_id,
            month.first,
            month.next
        )?;
        Ok(Consumption { messages, tokens })
    }
}
