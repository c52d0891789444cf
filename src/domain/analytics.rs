//! What a workspace's conversations came to in a period: who answered, how fast, and what became of it. Days are those of
//! the workspace's time zone.
//!
//! A conversation with a person lasts for as long as they are known, so what is counted is an exchange: what is said in a
//! conversation until a day of quiet ends it.

use std::collections::BTreeMap;

use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::Serialize;

use super::messages::{AuthorKind, Status};
use super::time_words::Standpoint;

/// How long nothing is said before an exchange has ended, in milliseconds.
pub const QUIET_MS: i64 = 24 * 60 * 60 * 1_000;
/// Most days of a period.
pub const MOST_DAYS: usize = 92;

/// By what figures are told apart, beside the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Grouping {
    /// The agent that the conversation has.
    Agent,
    /// The channel.
    Channel,
}

impl Grouping {
    /// The one of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "agent" => Some(Self::Agent),
            "channel" => Some(Self::Channel),
            _ => None,
        }
    }
}

/// A day and when it begins and ends, Unix milliseconds. Some have 23 hours, some 25.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DaySpan {
    /// Which.
    pub date: Date,
    /// Its first moment.
    pub begins: i64,
    /// The first moment of the next day.
    pub ends: i64,
}

/// The days of a period, in order; none: it ends before it begins, or has more than [`MOST_DAYS`].
#[must_use]
pub fn days(here: &Standpoint, from: Date, to: Date) -> Option<Vec<DaySpan>> {
    let mut days = Vec::new();
    let mut date = from;
    while date <= to {
        let next = date.checked_add(1.day()).ok()?;
        let midnight = |date: Date| here.moment(date.at(0, 0, 0, 0));
        days.push(DaySpan { date, begins: midnight(date)?, ends: midnight(next)? });
        if days.len() > MOST_DAYS {
            return None;
        }
        date = next;
    }
    (!days.is_empty()).then_some(days)
}

/// What is said in a conversation until a day of quiet, in which the person said something at all. Times are Unix
/// milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exchange {
    /// The first message's.
    pub opened_at: i64,
    /// The person's first message's.
    pub asked_at: i64,
    /// The first message's of an agent or a person of ours after that; none: nobody answered.
    pub answered_at: Option<i64>,
    /// The last message's so far.
    pub last_at: i64,
    /// An agent said something.
    pub by_agent: bool,
    /// A person of ours said something.
    pub by_person: bool,
}

/// Something to count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// So many messages of this author that have come so far.
    Messages(AuthorKind, Status, i64),
    /// An exchange.
    Exchange(Exchange),
    /// So often an agent gave a conversation to a person.
    HandedOver(i64),
    /// A conversation was closed that had been open for so many milliseconds.
    Closed(i64),
    /// So many leads.
    Leads(i64),
}

/// Where and when a fact belongs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Place of the day in the period.
    pub day: usize,
    /// The channel, where it has one.
    pub channel_id: Option<String>,
    /// The agent, where it has one.
    pub agent_id: Option<String>,
}

/// Figures of a day, of a group or of all.
#[derive(Debug, Clone, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Figures {
    /// Of exchanges, each on the day of its first message.
    pub conversations: ConversationFigures,
    /// Of messages, each on its own day.
    pub messages: MessageFigures,
    /// From the person's first message of an exchange to the first answer of an agent or a person.
    pub first_response: Times,
    /// From the person's first message of an exchange to its last message, where the exchange has ended.
    pub resolution: Times,
    /// From when a conversation was opened to when somebody closed it.
    pub open_time: Times,
    /// Leads that were captured.
    #[schema(example = 4)]
    pub leads_captured: i64,
}

/// How many exchanges there were, and who answered in them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct ConversationFigures {
    /// Exchanges that began. Only those count in which the person wrote.
    #[schema(example = 41)]
    pub opened: i64,
    /// Those of them that have ended: 24 hours of quiet followed.
    #[schema(example = 38)]
    pub ended: i64,
    /// Those in which an agent answered and no person of the workspace wrote.
    #[schema(example = 33)]
    pub answered_by_agent: i64,
    /// Those in which a person of the workspace wrote, here or in the vendor's own app.
    #[schema(example = 6)]
    pub taken_over: i64,
    /// Those in which neither has written so far.
    #[schema(example = 2)]
    pub unanswered: i64,
    /// How often an agent gave a conversation to a person, on the day on which it did.
    #[schema(example = 5)]
    pub handed_over: i64,
    /// How often somebody closed a conversation, on the day on which they did.
    #[schema(example = 7)]
    pub closed: i64,
    /// The part of the answered exchanges that agents answered alone, from 0 to 1; null: none was answered.
    #[schema(example = 0.846)]
    pub containment: Option<f64>,
}

/// How many messages there were, and how far those of our side have come since.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct MessageFigures {
    /// Of contacts.
    #[schema(example = 120)]
    pub received: i64,
    /// Of agents.
    #[schema(example = 98)]
    pub sent_by_agents: i64,
    /// Of people of the workspace.
    #[schema(example = 21)]
    pub sent_by_people: i64,
    /// Of programs, workflows and the gateway itself.
    #[schema(example = 12)]
    pub sent_by_programs: i64,
    /// Those of our side that have arrived, those that were read included.
    #[schema(example = 117)]
    pub delivered: i64,
    /// Those of our side that were read.
    #[schema(example = 90)]
    pub read: i64,
    /// Those of our side that will not arrive.
    #[schema(example = 3)]
    pub failed: i64,
}

/// How long something took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Times {
    /// How often it was measured.
    #[schema(example = 39)]
    pub count: i64,
    /// At most so long in half of the cases, in milliseconds; null: there are none.
    #[schema(example = 2_400)]
    pub median_ms: Option<i64>,
    /// At most so long in nine of ten cases, in milliseconds; null: there are none.
    #[schema(example = 31_000)]
    pub p90_ms: Option<i64>,
}

impl Times {
    /// Of these durations. Percentiles are by the nearest rank: always one that was measured.
    #[must_use]
    pub fn of(mut durations: Vec<i64>) -> Self {
        durations.sort_unstable();
        let rank = |percent: usize| durations.get((durations.len() * percent).div_ceil(100).saturating_sub(1)).copied();
        Self { count: i64::try_from(durations.len()).unwrap_or(i64::MAX), median_ms: rank(50), p90_ms: rank(90) }
    }
}

/// Figures while they are added up.
#[derive(Debug, Clone, Default)]
struct Tally {
    figures: Figures,
    responses: Vec<i64>,
    resolutions: Vec<i64>,
    open_times: Vec<i64>,
}

impl Tally {
    fn add(&mut self, fact: &Fact, quiet_since: i64) {
        let Figures { conversations, messages, leads_captured, .. } = &mut self.figures;
        match fact {
            Fact::Messages(author, status, count) => messages.add(*author, *status, *count),
            Fact::HandedOver(times) => conversations.handed_over += times,
            Fact::Closed(open_ms) => {
                conversations.closed += 1;
                self.open_times.push(*open_ms);
            }
            Fact::Leads(count) => *leads_captured += count,
            Fact::Exchange(exchange) => {
                conversations.opened += 1;
                match (exchange.by_person, exchange.by_agent) {
                    (true, _) => conversations.taken_over += 1,
                    (false, true) => conversations.answered_by_agent += 1,
                    (false, false) => conversations.unanswered += 1,
                }
                let since_asked = |at: i64| at.saturating_sub(exchange.asked_at).max(0);
                self.responses.extend(exchange.answered_at.map(since_asked));
                if exchange.last_at <= quiet_since {
                    conversations.ended += 1;
                    self.resolutions.push(since_asked(exchange.last_at));
                }
            }
        }
    }

    fn figures(self) -> Figures {
        let mut figures = self.figures;
        let ConversationFigures { answered_by_agent, taken_over, .. } = figures.conversations;
        figures.conversations.containment = share(answered_by_agent, answered_by_agent + taken_over);
        Figures {
            first_response: Times::of(self.responses),
            resolution: Times::of(self.resolutions),
            open_time: Times::of(self.open_times),
            ..figures
        }
    }
}

impl MessageFigures {
    fn add(&mut self, author: AuthorKind, status: Status, count: i64) {
        match author {
            AuthorKind::Contact => {
                self.received += count;
                return;
            }
            AuthorKind::Agent => self.sent_by_agents += count,
            AuthorKind::Human => self.sent_by_people += count,
            AuthorKind::System | AuthorKind::Workflow => self.sent_by_programs += count,
        }
        match status {
            Status::Read => {
                self.delivered += count;
                self.read += count;
            }
            Status::Delivered => self.delivered += count,
            Status::Failed => self.failed += count,
            Status::Received | Status::Queued | Status::Uncertain | Status::Sent => {}
        }
    }
}

/// A part of a whole, to three places.
fn share(part: i64, whole: i64) -> Option<f64> {
    let thousandths = part.checked_mul(1_000)?.checked_add(whole / 2)?.checked_div(whole)?;
    i32::try_from(thousandths).ok().map(|thousandths| f64::from(thousandths) / 1_000.0)
}

/// What facts come to, while they come.
#[derive(Debug)]
pub struct Sums {
    by: Option<Grouping>,
    quiet_since: i64,
    all: Tally,
    days: Vec<Tally>,
    groups: BTreeMap<Option<String>, Tally>,
}

/// What facts came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Summed {
    /// All together.
    pub totals: Figures,
    /// Day by day, every day of the period.
    pub series: Vec<Figures>,
    /// By the id of the agent or channel; none: what has none. Empty where nobody asked for it.
    pub groups: BTreeMap<Option<String>, Figures>,
}

impl Sums {
    /// Nothing yet, of so many days. Exchanges whose last message is not after `quiet_since` have ended.
    #[must_use]
    pub fn new(days: usize, by: Option<Grouping>, quiet_since: i64) -> Self {
        Self { by, quiet_since, all: Tally::default(), days: vec![Tally::default(); days], groups: BTreeMap::new() }
    }

    /// Adds a fact.
    pub fn add(&mut self, place: Place, fact: &Fact) {
        self.all.add(fact, self.quiet_since);
        if let Some(day) = self.days.get_mut(place.day) {
            day.add(fact, self.quiet_since);
        }
        let group = match self.by {
            None => return,
            Some(Grouping::Agent) => place.agent_id,
            Some(Grouping::Channel) => place.channel_id,
        };
        self.groups.entry(group).or_default().add(fact, self.quiet_since);
    }

    /// What it came to.
    #[must_use]
    pub fn summed(self) -> Summed {
        Summed {
            totals: self.all.figures(),
            series: self.days.into_iter().map(Tally::figures).collect(),
            groups: self.groups.into_iter().map(|(key, tally)| (key, tally.figures())).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Exchange, Fact, Grouping, Place, Sums, Times, days, share};
    use crate::domain::messages::{AuthorKind, Status};
    use crate::domain::time_words::Standpoint;

    #[test]
    fn days_are_those_of_the_zone_and_bounded() {
        let hours = |zone: &str, from: &str, to: &str| -> Option<Vec<i64>> {
            let days = days(&Standpoint::new(zone, 0), from.parse().unwrap(), to.parse().unwrap())?;
            Some(days.iter().map(|day| (day.ends - day.begins) / 3_600_000).collect())
        };
        assert_eq!(hours("UTC", "2026-03-28", "2026-03-30"), Some(vec![24, 24, 24]));
        assert_eq!(hours("Europe/Berlin", "2026-03-28", "2026-03-30"), Some(vec![24, 23, 24]));
        assert_eq!(hours("Europe/Berlin", "2026-10-25", "2026-10-25"), Some(vec![25]));
        assert_eq!(hours("UTC", "2026-03-30", "2026-03-28"), None);
        assert_eq!(hours("UTC", "2026-01-01", "2026-04-02").map(|days| days.len()), Some(92));
        assert_eq!(hours("UTC", "2026-01-01", "2026-04-03"), None);
        let kathmandu =
            days(&Standpoint::new("Asia/Kathmandu", 0), "1970-01-02".parse().unwrap(), "1970-01-02".parse().unwrap());
        assert_eq!(kathmandu.unwrap()[0].begins, 24 * 3_600_000 - 5 * 3_600_000 - 30 * 60_000);
    }

    #[test]
    fn percentiles_are_ones_that_were_measured() {
        for (durations, median, p90) in [
            (vec![], None, None),
            (vec![7], Some(7), Some(7)),
            (vec![4, 1, 3, 2], Some(2), Some(4)),
            ((1..=10).rev().collect(), Some(5), Some(9)),
            ((1..=101).collect(), Some(51), Some(91)),
        ] {
            let count = i64::try_from(durations.len()).unwrap();
            assert_eq!(Times::of(durations), Times { count, median_ms: median, p90_ms: p90 });
        }
        assert_eq!([share(2, 3), share(0, 5), share(0, 0)], [Some(0.667), Some(0.0), None]);
    }

    #[test]
    fn a_fact_counts_in_all_on_its_day_and_in_its_group() {
        let mut sums = Sums::new(2, Some(Grouping::Channel), 1_000);
        let at = |day, channel: Option<&str>| Place { day, channel_id: channel.map(str::to_owned), agent_id: None };
        let exchange = |answered_at, last_at, by_agent, by_person| {
            Fact::Exchange(Exchange { opened_at: 90, asked_at: 100, answered_at, last_at, by_agent, by_person })
        };
        for (place, fact) in [
            (at(0, Some("a")), exchange(Some(150), 1_000, true, false)),
            (at(0, Some("b")), exchange(Some(300), 1_001, true, true)),
            (at(1, Some("b")), exchange(None, 100, false, false)),
            (at(1, Some("a")), Fact::HandedOver(1)),
            (at(1, Some("a")), Fact::Closed(70)),
            (at(1, None), Fact::Leads(2)),
            (at(0, Some("a")), Fact::Messages(AuthorKind::Contact, Status::Received, 3)),
            (at(0, Some("a")), Fact::Messages(AuthorKind::Agent, Status::Read, 2)),
            (at(0, Some("b")), Fact::Messages(AuthorKind::Human, Status::Delivered, 1)),
            (at(1, Some("b")), Fact::Messages(AuthorKind::System, Status::Failed, 1)),
        ] {
            sums.add(place, &fact);
        }
        let summed = sums.summed();
        let all = &summed.totals.conversations;
        assert_eq!((all.opened, all.ended, all.answered_by_agent, all.taken_over, all.unanswered), (3, 2, 1, 1, 1));
        assert_eq!((all.handed_over, all.containment, summed.totals.leads_captured), (1, Some(0.5), 2));
        assert_eq!(
            (all.closed, summed.totals.open_time.median_ms, summed.series[0].conversations.closed),
            (1, Some(70), 0)
        );
        let said = summed.totals.messages;
        assert_eq!((said.received, said.sent_by_agents, said.sent_by_people, said.sent_by_programs), (3, 2, 1, 1));
        assert_eq!((said.delivered, said.read, said.failed), (3, 2, 1));
        let times = (summed.totals.first_response, summed.totals.resolution);
        assert_eq!((times.0.count, times.0.median_ms, times.0.p90_ms), (2, Some(50), Some(200)));
        assert_eq!((times.1.count, times.1.median_ms), (2, Some(0)));
        let opened: Vec<i64> = summed.series.iter().map(|day| day.conversations.opened).collect();
        assert_eq!(opened, [2, 1]);
        let groups: Vec<_> = summed
            .groups
            .iter()
            .map(|(key, of)| (key.as_deref(), of.conversations.opened, of.leads_captured))
            .collect();
        assert_eq!(groups, [(None, 0, 2), (Some("a"), 1, 0), (Some("b"), 2, 0)]);
    }
}
