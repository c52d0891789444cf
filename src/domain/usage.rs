//! What a workspace uses: what is counted, over which days, and when a month's allowance is used up. Days and months are
//! those of UTC.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::errors::Code;
use super::plans::Plan;

/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
/// The day that has the number 0.
const EPOCH: Date = Date::constant(1970, 1, 1);

/// The day of a moment in Unix milliseconds: days since 1970-01-01.
#[must_use]
pub const fn day_of(unix_ms: i64) -> i64 {
    unix_ms.div_euclid(DAY_MS)
}

/// A day in the form `2026-11-22`.
#[must_use]
pub fn day_name(day: i64) -> String {
    date(day).to_string()
}

/// The day of this name.
#[must_use]
pub fn day_named(name: &str) -> Option<i64> {
    // The reader takes more than one form; ours is the usual one.
    let day = name.parse::<Date>().ok().filter(|date| date.to_string() == name)?;
    Some(number(day))
}

fn date(day: i64) -> Date {
    jiff::Span::new().try_days(day).ok().and_then(|days| EPOCH.checked_add(days).ok()).unwrap_or(EPOCH)
}

fn number(date: Date) -> i64 {
    date.duration_since(EPOCH).as_secs().div_euclid(DAY_MS / 1_000)
}

/// A calendar month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Month {
    /// Its first day.
    pub first: i64,
    /// The first day of the next one.
    pub next: i64,
}

impl Month {
    /// The month of a moment in Unix milliseconds.
    #[must_use]
    pub fn of(unix_ms: i64) -> Self {
        Self::of_day(day_of(unix_ms))
    }

    /// The month of a day.
    #[must_use]
    pub fn of_day(day: i64) -> Self {
        let today = date(day);
        let first = number(today.first_of_month());
        Self { first, next: first + i64::from(today.days_in_month()) }
    }

    /// When it is over, Unix milliseconds.
    #[must_use]
    pub const fn ends_at(self) -> i64 {
        self.next * DAY_MS
    }
}

/// What one model used in a turn, on one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// The model.
    pub model: String,
    /// On the installation's own account.
    pub hosted: bool,
    /// Tokens read.
    pub input_tokens: i64,
    /// Tokens written.
    pub output_tokens: i64,
    /// Millionths of the currency.
    pub cost_micros: i64,
    /// Of the cost; empty: the price table does not know the model.
    pub currency: String,
}

impl Spent {
    fn is_of(&self, other: &Self) -> bool {
        (&self.model, self.hosted, &self.currency) == (&other.model, other.hosted, &other.currency)
    }
}

/// Adds what another answer used to what a turn used before it.
pub fn spend(spent: &mut Vec<Spent>, more: Spent) {
    match spent.iter_mut().find(|known| known.is_of(&more)) {
        Some(known) => {
            known.input_tokens = known.input_tokens.saturating_add(more.input_tokens);
            known.output_tokens = known.output_tokens.saturating_add(more.output_tokens);
            known.cost_micros = known.cost_micros.saturating_add(more.cost_micros);
        }
        None => spent.push(more),
    }
}

/// What a turn has cost: millionths of the currency that has most of it.
#[must_use]
pub fn cost(spent: &[Spent]) -> Option<(i64, String)> {
    let mut costs: BTreeMap<&str, i64> = BTreeMap::new();
    for one in spent.iter().filter(|one| !one.currency.is_empty()) {
        *costs.entry(&one.currency).or_default() += one.cost_micros;
    }
    costs.into_iter().max_by_key(|(_, micros)| *micros).map(|(currency, micros)| (micros, currency.to_owned()))
}

/// What has been added since: written once more with the same, it is nothing.
#[must_use]
pub fn growth(before: &[Spent], after: &[Spent]) -> Vec<Spent> {
    let gone = before.iter().filter(|old| !after.iter().any(|new| new.is_of(old)));
    let zero = |one: &Spent| Spent { input_tokens: 0, output_tokens: 0, cost_micros: 0, ..one.clone() };
    let less = |new: &Spent, old: &Spent| Spent {
        input_tokens: new.input_tokens - old.input_tokens,
        output_tokens: new.output_tokens - old.output_tokens,
        cost_micros: new.cost_micros - old.cost_micros,
        ..new.clone()
    };
    let grown = after.iter().map(|new| match before.iter().find(|old| old.is_of(new)) {
        Some(old) => less(new, old),
        None => new.clone(),
    });
    grown.chain(gone.map(|old| less(&zero(old), old))).filter(|one| *one != zero(one)).collect()
}

/// By what usage is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UsageBy {
    /// The day.
    Day,
    /// The agent.
    Agent,
    /// The channel.
    Channel,
    /// The model.
    Model,
}

impl UsageBy {
    /// The one of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "day" => Some(Self::Day),
            "agent" => Some(Self::Agent),
            "channel" => Some(Self::Channel),
            "model" => Some(Self::Model),
            _ => None,
        }
    }
}

/// What was used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Messages that came in.
    pub messages_in: i64,
    /// Messages of our side.
    pub messages_out: i64,
    /// Turns with a real model.
    pub turns: i64,
    /// Tokens read.
    pub input_tokens: i64,
    /// Tokens written.
    pub output_tokens: i64,
    /// Those of both that were spent on the installation's own account.
    pub hosted_tokens: i64,
    /// Millionths by currency.
    pub costs: BTreeMap<String, i64>,
}

impl Usage {
    /// Adds another's.
    pub fn add(&mut self, other: &Self) {
        self.messages_in += other.messages_in;
        self.messages_out += other.messages_out;
        self.turns += other.turns;
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.hosted_tokens += other.hosted_tokens;
        for (currency, micros) in &other.costs {
            *self.costs.entry(currency.clone()).or_default() += micros;
        }
    }
}

/// What counts against a plan's monthly limits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Consumption {
    /// Messages, both directions.
    pub messages: i64,
    /// Tokens on the installation's own account.
    pub tokens: i64,
}

/// A plan's monthly limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cap {
    /// Of messages.
    Messages,
    /// Of tokens on the installation's own account.
    Tokens,
}

/// A monthly limit that is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsedUp {
    /// Of what.
    pub cap: Cap,
    /// The limit.
    pub limit: u64,
    /// When it is counted anew, Unix milliseconds.
    pub resets_at: i64,
}

impl UsedUp {
    /// This limit, which is counted anew after the month of `now`.
    #[must_use]
    pub fn at(cap: Cap, limit: u64, now: i64) -> Self {
        Self { cap, limit, resets_at: Month::of(now).ends_at() }
    }

    /// How the API names it.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self.cap {
            Cap::Messages => Code::MessageLimitReached,
            Cap::Tokens => Code::TokenLimitReached,
        }
    }

    /// A sentence for people.
    #[must_use]
    pub fn sentence(&self) -> String {
        let what = match self.cap {
            Cap::Messages => "messages",
            Cap::Tokens => "tokens of hosted models",
        };
        let (limit, day) = (self.limit, day_name(day_of(self.resets_at)));
        format!("this month's {limit} {what} are used up; they are counted anew from {day} (UTC)")
    }
}

impl Plan {
    /// The monthly limit of tokens, once so many are used.
    #[must_use]
    pub fn tokens_used_up(&self, used: i64, now: i64) -> Option<UsedUp> {
        let limit = self.tokens_per_month.filter(|limit| reaches(used, *limit))?;
        Some(UsedUp::at(Cap::Tokens, limit, now))
    }
}

fn reaches(used: i64, limit: u64) -> bool {
    u64::try_from(used).is_ok_and(|used| used >= limit)
}

#[cfg(test)]
mod tests {
    use super::{Month, Spent, cost, day_name, day_named, day_of, growth, spend};

    #[test]
    fn days_and_months_are_those_of_utc() {
        for (at, day, name, first, next) in [
            (0, 0, "1970-01-01", "1970-01-01", "1970-02-01"),
            (86_399_999, 0, "1970-01-01", "1970-01-01", "1970-02-01"),
            (-1, -1, "1969-12-31", "1969-12-01", "1970-01-01"),
            (1_709_164_800_000, 19_782, "2024-02-29", "2024-02-01", "2024-03-01"),
            (1_798_761_599_999, 20_818, "2026-12-31", "2026-12-01", "2027-01-01"),
        ] {
            let month = Month::of(at);
            assert_eq!((day_of(at), day_name(day_of(at)).as_str()), (day, name));
            assert_eq!((day_name(month.first).as_str(), day_name(month.next).as_str()), (first, next));
            assert_eq!(day_named(name), Some(day));
        }
        assert_eq!(Month::of(1_798_761_599_999).ends_at(), 1_798_761_600_000);
        for bad in ["", "2026-13-01", "2026-02-30", "20260201", "2026-02-01T00:00", "yesterday"] {
            assert_eq!(day_named(bad), None, "{bad}");
        }
    }

    fn spent(model: &str, hosted: bool, tokens: i64, cost: Option<(i64, &str)>) -> Spent {
        let (cost_micros, currency) = cost.unwrap_or_default();
        let (model, currency) = (model.to_owned(), currency.to_owned());
        Spent { model, hosted, input_tokens: tokens, output_tokens: 1, cost_micros, currency }
    }

    #[test]
    fn what_is_written_again_has_not_grown() {
        let mut all = Vec::new();
        for more in [spent("a", true, 10, Some((5, "USD"))), spent("b", false, 7, None)] {
            spend(&mut all, more);
        }
        let before = all.clone();
        assert_eq!(growth(&[], &before), before);
        assert_eq!(growth(&before, &before), []);
        spend(&mut all, spent("a", true, 3, Some((2, "USD"))));
        assert_eq!(growth(&before, &all), [spent("a", true, 3, Some((2, "USD")))]);
        // A turn that runs anew and is cheaper takes back what it had counted.
        let after: i64 = growth(&all, &before[1..]).iter().map(|one| one.input_tokens).sum();
        assert_eq!(after, -13);
    }

    #[test]
    fn a_turn_costs_what_its_models_cost() {
        assert_eq!(cost(&[spent("a", true, 1, None)]), None);
        let all = [
            spent("a", true, 1, Some((5, "USD"))),
            spent("b", true, 1, Some((6, "EUR"))),
            spent("c", false, 1, Some((4, "USD"))),
        ];
        assert_eq!(cost(&all), Some((9, "USD".to_owned())));
    }
}
