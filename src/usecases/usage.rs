//! What a workspace uses and may use. A message that somebody asks to send is refused once the month's are used up; what
//! customers write is always taken, but the agent no longer answers it.

use super::Switchboard;
use super::answering::{Trouble, fallback, window_rule};
use crate::actors::errands::{Begun, TurnAnswer};
use crate::domain::jobs::Job;
use crate::domain::plans::Plan;
use crate::domain::usage::{Cap, Consumption, Month, Usage, UsageBy, UsedUp};
use crate::store::StoreError;
use switchboard_channels::Kind;

/// What a workspace may use, and what it has used of that this month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowance {
    /// Its plan.
    pub plan: Plan,
    /// What counts against the plan's monthly limits.
    pub used: Consumption,
    /// The month.
    pub month: Month,
}

/// What was used in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedThere {
    /// The number of the day, the agent's or channel's id, or the model; none: what has none.
    pub place: Option<String>,
    /// What was used.
    pub usage: Usage,
}

impl Switchboard {
    /// What a workspace used on these days, the last one included, told apart by day, agent, channel or model.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn usage(
        &self,
        workspace_id: &str,
        from: i64,
        to: i64,
        by: UsageBy,
    ) -> Result<Vec<UsedThere>, StoreError> {
        let places = self.store.usage(workspace_id, from, to, by).await?;
        let of = |place: String| (!place.is_empty()).then_some(place);
        Ok(places.into_iter().map(|(place, usage)| UsedThere { place: of(place), usage }).collect())
    }

    /// What a workspace on this plan may use, and has used this month. A plan that is not known has no limits.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn allowance(&self, workspace_id: &str, plan: &str) -> Result<Allowance, StoreError> {
        let month = Month::of(self.now());
        let known = self.options.plans.get(plan).cloned();
        Ok(Allowance {
            plan: known.unwrap_or_else(|| Plan::unlimited(plan)),
            used: self.store.consumption(workspace_id, month).await?,
            month,
        })
    }

    /// The plan of a workspace, where it is known.
    async fn plan_of(&self, workspace_id: &str) -> Result<Option<&Plan>, StoreError> {
        let name = self.directory.plan(workspace_id).await?;
        Ok(name.and_then(|name| self.options.plans.get(&name)))
    }

    /// Most messages that a workspace may have in a month; none: any number.
    pub(super) async fn most_messages(&self, workspace_id: &str) -> Result<Option<u64>, StoreError> {
        Ok(self.plan_of(workspace_id).await?.and_then(|plan| plan.messages_per_month))
    }

    /// That this many messages are as many as may be this month.
    pub(super) fn messages_used_up(&self, limit: u64) -> UsedUp {
        UsedUp::at(Cap::Messages, limit, self.now())
    }

    /// That the month's tokens of hosted models are used up.
    pub(super) async fn tokens_used_up(&self, workspace_id: &str) -> Result<UsedUp, StoreError> {
        let limit = self.plan_of(workspace_id).await?.and_then(|plan| plan.tokens_per_month);
        Ok(UsedUp::at(Cap::Tokens, limit.unwrap_or_default(), self.now()))
    }

    /// The end of a turn that must not begin, because what it would answer goes beyond the month's messages. The customer
    /// reads the agent's fallback, and the workspace is told why. What a program asks was judged when it was asked.
    pub(super) async fn beyond_the_month(&self, job: &Job, begun: &Begun) -> Result<Option<TurnAnswer>, StoreError> {
        let Some(limit) = self.most_messages(&begun.workspace_id).await? else { return Ok(None) };
        let account = self.directory.channel(&begun.channel_id).await?;
        if account.as_ref().is_some_and(|account| account.channel.kind == Kind::Api) {
            return Ok(None);
        }
        let used = self.store.consumption(&begun.workspace_id, Month::of(self.now())).await?.messages;
        if u64::try_from(used).is_ok_and(|used| used <= limit) {
            return Ok(None);
        }
        let Some(agent) = self.directory.agent(&begun.agent_id).await? else { return Ok(None) };
        let used_up = self.messages_used_up(limit);
        let trouble = Trouble { code: used_up.code().as_str().to_owned(), message: used_up.sentence() };
        Ok(Some(fallback(job, begun, &agent, &trouble, window_rule(account.as_deref()))))
    }
}
