//! A day: what is due, what is in the calendars, what the weather is like, and what to do first.

use serde::Serialize;
use serde_json::Value;

use super::calendars::Meeting;
use super::follow_ups::FollowUp;
use super::tasks::{Priority, Task};

/// Most things to do first that a day shows.
pub const MOST_PRIORITIES: usize = 10;
/// Longest reason that a model gives, in characters.
const LONGEST_REASON: usize = 200;
/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// A day of a workspace.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Day {
    /// The day, in the workspace's time zone.
    #[schema(example = "2026-03-25")]
    pub date: String,
    /// The workspace's time zone.
    #[schema(example = "Europe/Berlin")]
    pub time_zone: String,
    /// Open tasks that are late or due today, the latest first.
    pub tasks: Vec<Task>,
    /// Follow-ups that are late or due today, the latest first.
    pub follow_ups: Vec<FollowUp>,
    /// What the calendars have; null: see `meta.reasons.calendar`.
    pub calendar: Option<Vec<Meeting>>,
    /// The weather; null: see `meta.reasons.weather`.
    pub weather: Option<Weather>,
    /// What to do first, the first first.
    pub priorities: Vec<Ranked>,
    /// By what they are ranked: `rule`, by due date and importance, or `model`, by the assistant's language model.
    #[schema(example = "rule")]
    pub ranked_by: RankedBy,
}

/// By what priorities are ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RankedBy {
    /// By when something is due and how much it matters.
    Rule,
    /// By a language model.
    Model,
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Ranked {
    /// `task` or `follow_up`.
    #[schema(example = "task")]
    pub kind: &'static str,
    /// Its id.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000020")]
    pub id: String,
    /// Its title or note.
    #[schema(example = "Follow up with ABC Traders")]
    pub title: String,
    /// Unix milliseconds.
    #[schema(example = 1_774_565_999_999_i64)]
    pub due_at: Option<i64>,
    /// Why it stands here.
    #[schema(example = "due today, high priority")]
    pub reason: String,
}

/// The weather of a day.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Weather {
    /// Where.
    #[schema(example = "Berlin")]
    pub place: Option<String>,
    /// In a word or two.
    #[schema(example = "light rain")]
    pub summary: String,
    /// Now, in degrees Celsius.
    #[schema(example = 11.4)]
    pub temperature: Option<f64>,
    /// The least of the day.
    #[schema(example = 6.0)]
    pub low: Option<f64>,
    /// The most of the day.
    #[schema(example = 13.2)]
    pub high: Option<f64>,
    /// How likely it rains or snows, in percent.
    #[schema(example = 70.0)]
    pub precipitation_probability: Option<f64>,
}

/// What to do first: what is late before what is due, what matters more before what matters less.
#[must_use]
pub fn ranked(tasks: &[Task], follow_ups: &[FollowUp], now: i64, day_ends: i64) -> Vec<Ranked> {
    let mut ranked: Vec<(i64, i64, Ranked)> = Vec::new();
    for task in tasks {
        let (points, when) = lateness(task.due_at, now, day_ends);
        let reason = [when, matters(task.priority)].into_iter().flatten().collect::<Vec<_>>().join(", ");
        let item = Ranked { kind: "task", id: task.id.clone(), title: task.title.clone(), due_at: task.due_at, reason };
        ranked.push((points + weight(task.priority), task.due_at.unwrap_or(i64::MAX), item));
    }
    for follow_up in follow_ups {
        let (points, when) = lateness(Some(follow_up.due_at), now, day_ends);
        let item = Ranked {
            kind: "follow_up",
            id: follow_up.id.clone(),
            title: follow_up.note.clone(),
            due_at: Some(follow_up.due_at),
            reason: when.unwrap_or_default(),
        };
        ranked.push((points + weight(Priority::Medium), follow_up.due_at, item));
    }
    ranked.sort_by(|one, other| (-one.0, one.1, &one.2.id).cmp(&(-other.0, other.1, &other.2.id)));
    ranked.into_iter().map(|(_, _, item)| item).collect()
}

/// The same things in the order of a model's answer, which has somewhere a JSON array of `{"n", "why"}`: the number of a
/// thing, from 1, and why it stands there. What the model leaves out follows as it stood. `None`: it ranks nothing.
#[must_use]
pub fn reranked(ranked: &[Ranked], answer: &str) -> Option<Vec<Ranked>> {
    let array = answer.get(answer.find('[')?..=answer.rfind(']')?)?;
    let places: Vec<Value> = serde_json::from_str(array).ok()?;
    let mut left: Vec<Option<&Ranked>> = ranked.iter().map(Some).collect();
    let mut found = Vec::with_capacity(ranked.len());
    for place in &places {
        let number = place.get("n").and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok());
        let slot = number.and_then(|number| left.get_mut(number.checked_sub(1)?));
        let Some(item) = slot.and_then(Option::take) else { continue };
        let why = place.get("why").and_then(Value::as_str).map(str::trim).filter(|why| !why.is_empty());
        let reason = why.map_or_else(|| item.reason.clone(), |why| why.chars().take(LONGEST_REASON).collect());
        found.push(Ranked { reason, ..item.clone() });
    }
    if found.is_empty() {
        return None;
    }
    found.extend(left.into_iter().flatten().cloned());
    Some(found)
}

/// An urgent thing goes before whatever is due, however late.
const fn weight(priority: Priority) -> i64 {
    match priority {
        Priority::Low => 0,
        Priority::Medium => 10,
        Priority::High => 25,
        Priority::Urgent => 60,
    }
}

fn matters(priority: Priority) -> Option<String> {
    (priority > Priority::Medium).then(|| format!("{} priority", priority.as_str()))
}

fn lateness(due_at: Option<i64>, now: i64, day_ends: i64) -> (i64, Option<String>) {
    match due_at {
        Some(due) if due < now => {
            let days = (now - due) / DAY_MS;
            let late = match days {
                0 => "overdue".to_owned(),
                1 => "overdue for a day".to_owned(),
                days => format!("overdue for {days} days"),
            };
            (30 + days.min(10), Some(late))
        }
        Some(due) if due < day_ends => (20, Some("due today".to_owned())),
        Some(_) => (0, Some("due later".to_owned())),
        None => (0, None),
    }
}

/// The weather in the answer of a forecast service; `None`: it is not of the documented shape.
#[must_use]
pub fn weather(answer: &Value, place: Option<String>) -> Option<Weather> {
    let now = |field: &str| answer.pointer(&format!("/current/{field}"));
    let day = |field: &str| answer.pointer(&format!("/daily/{field}/0"));
    let code = day("weather_code").or_else(|| now("weather_code"))?.as_i64()?;
    Some(Weather {
        place,
        summary: sky(code).to_owned(),
        temperature: now("temperature_2m").and_then(Value::as_f64),
        low: day("temperature_2m_min").and_then(Value::as_f64),
        high: day("temperature_2m_max").and_then(Value::as_f64),
        precipitation_probability: day("precipitation_probability_max").and_then(Value::as_f64),
    })
}

/// Codes of the World Meteorological Organization, table 4677, as forecasts use them.
const fn sky(code: i64) -> &'static str {
    match code {
        0 => "clear",
        1 => "mostly clear",
        2 => "partly cloudy",
        3 => "overcast",
        45 | 48 => "fog",
        51 | 53 | 55 => "drizzle",
        56 | 57 => "freezing drizzle",
        61 => "light rain",
        63 => "rain",
        65 => "heavy rain",
        66 | 67 => "freezing rain",
        71 => "light snow",
        73 => "snow",
        75 => "heavy snow",
        77 => "snow grains",
        80 | 81 => "rain showers",
        82 => "violent rain showers",
        85 | 86 => "snow showers",
        95 => "thunderstorm",
        96 | 99 => "thunderstorm with hail",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{DAY_MS, Ranked, ranked, reranked, weather};
    use crate::domain::follow_ups::FollowUp;
    use crate::domain::tasks::{Priority, Source, Task};

    #[test]
    fn what_is_late_and_matters_comes_first() {
        let now = 100 * DAY_MS;
        let task = |id: &str, due_at: Option<i64>, priority: Priority| Task {
            due_at,
            priority,
            title: id.to_owned(),
            ..Task::blank(id.to_owned(), Source::Api, now)
        };
        let tasks = [
            task("low, today", Some(now + 1), Priority::Low),
            task("high, no day", None, Priority::High),
            task("urgent, no day", None, Priority::Urgent),
            task("late", Some(now - 3 * DAY_MS), Priority::Medium),
            task("high, today", Some(now + 1), Priority::High),
        ];
        let follow_up = FollowUp { due_at: now - 1, ..FollowUp::blank("call".to_owned(), Source::Api, now) };
        let found = ranked(&tasks, &[follow_up], now, now + DAY_MS);
        let order: Vec<(&str, &str)> = found.iter().map(|item| (item.id.as_str(), item.reason.as_str())).collect();
        assert_eq!(
            order,
            [
                ("urgent, no day", "urgent priority"),
                ("high, today", "due today, high priority"),
                ("late", "overdue for 3 days"),
                ("call", "overdue"),
                ("high, no day", "high priority"),
                ("low, today", "due today"),
            ]
        );
    }

    #[test]
    fn a_model_ranks_what_it_can_name() {
        let item = |id: &str| Ranked {
            kind: "task",
            id: id.to_owned(),
            title: id.to_owned(),
            due_at: None,
            reason: "by rule".to_owned(),
        };
        let items = [item("a"), item("b"), item("c")];
        let cases = [
            (r#"[{"n":3,"why":"a customer waits"},{"n":1}]"#, Some("c: a customer waits, a: by rule, b: by rule")),
            ("Sure:\n```json\n[{\"n\": 2, \"why\": \" now \"}]\n```", Some("b: now, a: by rule, c: by rule")),
            (r#"[{"n":2},{"n":2},{"n":9},{"n":0},{"n":"x"},5]"#, Some("b: by rule, a: by rule, c: by rule")),
            (r#"[{"n":9}]"#, None),
            ("[]", None),
            ("] [", None),
            ("I cannot rank these.", None),
            (r#"{"n":1}"#, None),
        ];
        for (answer, expected) in cases {
            let found = reranked(&items, answer).map(|found| {
                let shown: Vec<String> = found.iter().map(|item| format!("{}: {}", item.id, item.reason)).collect();
                shown.join(", ")
            });
            assert_eq!(found.as_deref(), expected, "{answer}");
        }
        let long = reranked(&items, &format!(r#"[{{"n":1,"why":"{}"}}]"#, "é".repeat(900))).unwrap();
        assert_eq!(long[0].reason.chars().count(), 200);
    }

    #[test]
    fn a_forecast_is_read() {
        let answer = json!({
            "current": {"temperature_2m": 11.4, "weather_code": 3},
            "daily": {"weather_code": [61], "temperature_2m_max": [13.2], "temperature_2m_min": [6], "precipitation_probability_max": [70]},
        });
        let read = weather(&answer, Some("Berlin".to_owned())).unwrap();
        assert_eq!(
            (read.summary.as_str(), read.temperature, read.low, read.high),
            ("light rain", Some(11.4), Some(6.0), Some(13.2))
        );
        assert_eq!(weather(&json!({"error": true}), None), None);
    }
}
