//! Calendars in the form that every calendar program gives out, and what of them falls on a day.

use std::collections::BTreeMap;
use std::str::FromStr as _;

use calcard::common::timezone::Tz;
use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarProperty, ICalendarStatus, ICalendarValue,
};
use calcard::{Entry, Parser};
use serde::{Deserialize, Serialize};
use url::Url;

use super::errors::FieldProblem;
use super::fields;
use super::time_words::Standpoint;

/// Most occurrences of all events of a calendar that are looked at: a daily one of a hundred years, many times over.
const MOST_OCCURRENCES: usize = 200_000;
/// Most occurrences of one event.
const MOST_OF_ONE: usize = 40_000;
/// Longest address, in bytes.
const LONGEST_ADDRESS: usize = 2_000;
/// Longest name of a workspace's place, in characters.
const LONGEST_PLACE: usize = 100;
/// Longest title and place that are shown, in characters.
const LONGEST: usize = 300;

/// A calendar that is read by its address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Calendar {
    /// UUID.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000023")]
    pub id: String,
    /// Display name.
    #[schema(example = "Team")]
    pub name: String,
    /// Where it is; the rest of its address is a secret.
    #[schema(example = "calendar.example.com")]
    pub host: String,
    /// Unix milliseconds.
    #[schema(example = 1_774_431_000_000_i64)]
    pub created_at: i64,
}

/// What is said of a calendar.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CalendarFields {
    /// Display name, 1 to 100 characters.
    #[schema(required = true, format = "line", max_length = 100, example = "Team")]
    pub name: String,
    /// Its address in the form iCalendar: `https://…`, `http://…` or `webcal://…`, at most 2,000 bytes. It is kept sealed
    /// and never shown.
    #[schema(
        required = true,
        format = "calendar",
        max_length = 2000,
        example = "https://calendar.example.com/private-0a1b2c/basic.ics"
    )]
    pub url: String,
}

/// The address to read a calendar from and its host, in their stored forms; `None`: it is none.
#[must_use]
pub fn address(text: &str) -> Option<(String, String)> {
    let text = text.trim();
    let text = match text.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("webcal") => format!("https://{rest}"),
        _ => text.to_owned(),
    };
    let url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let host = url.host_str()?.to_owned();
    (text.len() <= LONGEST_ADDRESS).then(|| (url.into(), host))
}

/// Where a workspace is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Degrees north.
    #[schema(minimum = -90.0, maximum = 90.0, example = 52.52)]
    pub latitude: f64,
    /// Degrees east.
    #[schema(minimum = -180.0, maximum = 180.0, example = 13.41)]
    pub longitude: f64,
    /// What it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = "name", max_length = 100, example = "Berlin")]
    pub name: Option<String>,
}

impl Place {
    /// What of it is not as documented, by its path under `place`.
    #[must_use]
    pub fn problems(&self) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        if !(-90.0..=90.0).contains(&self.latitude) {
            problems.push(FieldProblem::new("place.latitude", "degrees north, from -90 to 90"));
        }
        if !(-180.0..=180.0).contains(&self.longitude) {
            problems.push(FieldProblem::new("place.longitude", "degrees east, from -180 to 180"));
        }
        if self.name.as_deref().is_some_and(|name| fields::line(name, LONGEST_PLACE).as_deref() != Some(name)) {
            problems.push(FieldProblem::new("place.name", "1 to 100 characters on one line"));
        }
        problems
    }
}

/// What a calendar has on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Meeting {
    /// What it is called.
    #[schema(example = "Weekly review")]
    pub title: String,
    /// Unix milliseconds.
    #[schema(example = 1_774_512_000_000_i64)]
    pub starts_at: i64,
    /// Unix milliseconds.
    #[schema(example = 1_774_515_600_000_i64)]
    pub ends_at: i64,
    /// It takes whole days.
    #[schema(example = false)]
    pub all_day: bool,
    /// Where it takes place.
    pub location: Option<String>,
    /// The calendar that has it, by its name.
    #[schema(example = "Team")]
    pub calendar: String,
}

/// What of a calendar's text falls on the day of `from`, by its time.
///
/// # Errors
/// It is no calendar: a sentence.
pub fn meetings(text: &str, name: &str, from: &Standpoint) -> Result<Vec<Meeting>, String> {
    let Entry::ICalendar(calendar) = Parser::new(text).entry() else {
        return Err("it is no calendar of the usual form (iCalendar)".to_owned());
    };
    let (zones, events) = sorted(calendar);
    let zone = from.zone.iana_name().and_then(|name| Tz::from_str(name).ok()).unwrap_or(Tz::UTC);
    let day = from.today();
    let (mut found, mut left) = (Vec::new(), MOST_OCCURRENCES);
    for components in events {
        // One event with its exceptions at a time: two events may have the same sequence number and the same times.
        let one = ICalendar { components: zones.iter().cloned().chain(components).collect() };
        let expanded = one.expand_dates(zone, MOST_OF_ONE.min(left));
        left = left.saturating_sub(expanded.events.len());
        for event in &expanded.events {
            let component = one.component_by_id(event.comp_id);
            found.extend(component.and_then(|component| meeting(component, event.timestamps(), name, day)));
        }
    }
    found.sort_by(|one, other| (one.starts_at, &one.title).cmp(&(other.starts_at, &other.title)));
    Ok(found)
}

/// The time zones, and the events with their exceptions together.
fn sorted(calendar: ICalendar) -> (Vec<ICalendarComponent>, Vec<Vec<ICalendarComponent>>) {
    let (mut zones, mut events) = (Vec::new(), BTreeMap::<String, Vec<ICalendarComponent>>::new());
    for (number, mut component) in calendar.components.into_iter().enumerate() {
        // What belongs to a component (its alarms) stays behind.
        component.component_ids.clear();
        match component.component_type {
            ICalendarComponentType::VTimezone => zones.push(component),
            ICalendarComponentType::VEvent => {
                // An exception often has another sequence number than its event, which would part the two.
                component.entries.retain(|entry| entry.name != ICalendarProperty::Sequence);
                let id = component.uid().map_or_else(|| format!("\0{number}"), str::to_owned);
                events.entry(id).or_default().push(component);
            }
            _ => {}
        }
    }
    (zones, events.into_values().collect())
}

fn meeting(
    component: &ICalendarComponent,
    (starts, ends): (i64, i64),
    calendar: &str,
    (day_begins, day_ends): (i64, i64),
) -> Option<Meeting> {
    if matches!(component.status(), Some(ICalendarStatus::Cancelled)) {
        return None;
    }
    let start = component.property(&ICalendarProperty::Dtstart).and_then(|entry| entry.values.first());
    let all_day = matches!(start, Some(ICalendarValue::PartialDateTime(at)) if !at.has_time());
    let has_end =
        component.has_property(&ICalendarProperty::Dtend) || component.has_property(&ICalendarProperty::Duration);
    let starts_at = starts.checked_mul(1_000)?;
    // What says no end takes its day, or no time.
    let ends_at = if has_end || all_day { ends.checked_mul(1_000)? } else { starts_at };
    let today = starts_at < day_ends && (ends_at > day_begins || starts_at >= day_begins);
    today.then(|| Meeting {
        title: shown(component, &ICalendarProperty::Summary).unwrap_or_else(|| "(no title)".to_owned()),
        starts_at,
        ends_at,
        all_day,
        location: shown(component, &ICalendarProperty::Location),
        calendar: calendar.to_owned(),
    })
}

fn shown(component: &ICalendarComponent, property: &ICalendarProperty) -> Option<String> {
    let text = component.property(property)?.values.first()?.as_text()?.trim();
    (!text.is_empty()).then(|| text.chars().take(LONGEST).collect())
}

#[cfg(test)]
mod tests {
    use super::{Standpoint, address, meetings};

    /// Wednesday, 25 March 2026, 10:30 in Berlin.
    const NOW: i64 = 1_774_431_000_000;
    const HOUR: i64 = 3_600_000;

    fn on(zone: &str, now: i64, events: &[&str]) -> Vec<(String, i64, i64, bool)> {
        let events: String = events
            .iter()
            .enumerate()
            .map(|(number, event)| {
                let uid = if event.contains("UID:") { String::new() } else { format!("UID:{number}\r\n") };
                format!("BEGIN:VEVENT\r\n{uid}{}\r\nEND:VEVENT\r\n", event.replace('|', "\r\n"))
            })
            .collect();
        let text = format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\n{events}END:VCALENDAR\r\n");
        let found = meetings(&text, "Team", &Standpoint::new(zone, now)).unwrap();
        found
            .into_iter()
            .map(|meeting| (meeting.title, meeting.starts_at - now, meeting.ends_at - now, meeting.all_day))
            .collect()
    }

    fn titles(now: i64, events: &[&str]) -> Vec<String> {
        on("Europe/Berlin", now, events).into_iter().map(|meeting| meeting.0).collect()
    }

    #[test]
    fn a_day_has_what_touches_it() {
        let found = on(
            "Europe/Berlin",
            NOW,
            &[
                "SUMMARY:Today|DTSTART:20260325T120000Z|DTEND:20260325T130000Z",
                "SUMMARY:Yesterday|DTSTART:20260324T120000Z|DTEND:20260324T130000Z",
                "SUMMARY:In its zone|DTSTART;TZID=America/New_York:20260325T090000|DURATION:PT30M",
                "SUMMARY:On the wall|DTSTART:20260325T080000|DTEND:20260325T083000",
                "SUMMARY:A day|DTSTART;VALUE=DATE:20260325",
                "SUMMARY:Three days|DTSTART;VALUE=DATE:20260324|DTEND;VALUE=DATE:20260327",
                "SUMMARY:Over|DTSTART;VALUE=DATE:20260324|DTEND;VALUE=DATE:20260325",
                "SUMMARY:Off|STATUS:CANCELLED|DTSTART:20260325T120000Z|DTEND:20260325T130000Z",
                "SUMMARY:A moment|DTSTART:20260325T150000Z",
            ],
        );
        let (day, half) = (24 * HOUR, HOUR / 2);
        let midnight = -10 * HOUR - half;
        let expected = [
            ("Three days", midnight - day, midnight + 2 * day, true),
            ("A day", midnight, midnight + day, true),
            ("On the wall", -2 * HOUR - half, -2 * HOUR, false),
            ("Today", 2 * HOUR + half, 3 * HOUR + half, false),
            ("In its zone", 3 * HOUR + half, 4 * HOUR, false),
            ("A moment", 5 * HOUR + half, 5 * HOUR + half, false),
        ];
        let expected: Vec<_> =
            expected.into_iter().map(|(title, from, to, all)| (title.to_owned(), from, to, all)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn what_repeats_comes_on_its_days_with_its_exceptions() {
        let weekly = "SUMMARY:Weekly|UID:a|SEQUENCE:1|DTSTART;TZID=Europe/Berlin:20240103T140000|DTEND;TZID=Europe/Berlin:20240103T150000|RRULE:FREQ=WEEKLY;BYDAY=WE";
        assert_eq!(
            on("Europe/Berlin", NOW, &[weekly]),
            [("Weekly".to_owned(), 3 * HOUR + HOUR / 2, 4 * HOUR + HOUR / 2, false)]
        );
        assert_eq!(titles(NOW - 24 * HOUR, &[weekly]), Vec::<String>::new());
        // A week later the clocks have changed, and it is two o'clock still.
        let later = on("Europe/Berlin", NOW + 7 * 24 * HOUR, &[weekly]);
        assert_eq!(later[0].1, 2 * HOUR + HOUR / 2);
        let without = format!("{weekly}|EXDATE;TZID=Europe/Berlin:20260325T140000");
        assert_eq!(titles(NOW, &[&without]), Vec::<String>::new());
        let moved = "SUMMARY:Moved|UID:a|SEQUENCE:2|RECURRENCE-ID;TZID=Europe/Berlin:20260325T140000|DTSTART;TZID=Europe/Berlin:20260325T160000|DTEND;TZID=Europe/Berlin:20260325T170000";
        assert_eq!(titles(NOW, &[weekly, moved]), ["Moved"]);
        // Another event at the very same time is none of its business.
        let other = weekly.replace("UID:a", "UID:b").replace("Weekly", "Other");
        assert_eq!(titles(NOW, &[weekly, moved, &other]), ["Other", "Moved"]);
        let ended = format!("{weekly};UNTIL=20260301T000000Z");
        assert_eq!(titles(NOW, &[&ended]), Vec::<String>::new());
    }

    #[test]
    fn what_never_ends_or_is_no_calendar_does_no_harm() {
        let every_second = "SUMMARY:Tick|DTSTART:20200101T000000Z|RRULE:FREQ=SECONDLY";
        let never = "SUMMARY:Never|DTSTART:20200101T000000Z|RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30";
        assert_eq!(titles(NOW, &[every_second, never, "SUMMARY:Today|DTSTART:20260325T120000Z"]), ["Today"]);
        for text in ["", "<html></html>", "BEGIN:VCARD\r\nEND:VCARD\r\n"] {
            assert!(meetings(text, "x", &Standpoint::new("UTC", NOW)).is_err(), "{text}");
        }
    }

    #[test]
    fn addresses_are_of_the_web() {
        let read = |text: &str| address(text).map(|(address, host)| format!("{address} {host}"));
        let cases = [
            (" https://Cal.example/a.ics?k=1 ", Some("https://cal.example/a.ics?k=1 cal.example")),
            ("WEBCAL://cal.example/a.ics", Some("https://cal.example/a.ics cal.example")),
            ("http://127.0.0.1:8080/a", Some("http://127.0.0.1:8080/a 127.0.0.1")),
            ("file:///etc/passwd", None),
            ("cal.example/a.ics", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text).as_deref(), expected, "{text}");
        }
        assert_eq!(read(&format!("https://cal.example/{}", "a".repeat(2_000))), None);
    }
}
