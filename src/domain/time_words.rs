//! Times as people write them: dates, moments, and words such as "tomorrow at nine" or "in 2 hours". The words are a
//! table; the rules hold for every language in it. What cannot be understood wholly is not guessed.

mod table;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};

use table::{Meaning, Unit};

/// What the API says is expected where a time is.
pub const EXPECTED: &str = "a time: Unix milliseconds, RFC 3339 such as 2026-03-26T09:00:00+01:00, a date such as 2026-03-26, or words such as \"tomorrow at nine\", \"in 2 hours\", \"next monday 14:30\", \"on 5 May at 3pm\"";
/// Longest text that is looked at, in bytes.
const LONGEST: usize = 100;
/// When somebody is reminded who named only a day.
const MORNING: i8 = 9;

/// A time as a request gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum Said {
    /// Unix milliseconds.
    At(i64),
    /// A date, a moment or words.
    Words(String),
}

/// What was meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// A moment, Unix milliseconds.
    Moment(i64),
    /// A day, nothing more.
    Day(Date),
}

/// Where and when something is said.
#[derive(Debug, Clone)]
pub struct Standpoint {
    /// The workspace's time zone.
    pub zone: TimeZone,
    /// Now, Unix milliseconds.
    pub now: i64,
}

impl Standpoint {
    /// In the zone of this IANA name, now.
    #[must_use]
    pub fn new(zone: &str, now: i64) -> Self {
        // The name was judged when it was set; a zone that the tables no longer know is read as UTC.
        Self { zone: TimeZone::get(zone).unwrap_or(TimeZone::UTC), now }
    }

    /// The clock on the wall at a moment.
    #[must_use]
    pub fn local(&self, at: i64) -> DateTime {
        let moment = Timestamp::from_millisecond(at).unwrap_or(Timestamp::UNIX_EPOCH);
        self.zone.to_datetime(moment)
    }

    /// The moment at which the clock on the wall shows this. A time that a change of the clocks leaves out is read as
    /// that much later, one that comes twice as the first.
    #[must_use]
    pub fn moment(&self, local: DateTime) -> Option<i64> {
        self.zone.to_zoned(local).ok().map(|zoned| zoned.timestamp().as_millisecond())
    }

    /// Today's first moment and tomorrow's.
    #[must_use]
    pub fn today(&self) -> (i64, i64) {
        let today = self.local(self.now).date();
        let end = self.end_of(today).map_or(i64::MAX, |last| last + 1);
        (self.moment(today.at(0, 0, 0, 0)).unwrap_or(self.now), end)
    }

    /// The last millisecond of a day.
    #[must_use]
    pub fn end_of(&self, day: Date) -> Option<i64> {
        let next = day.tomorrow().ok()?;
        self.moment(next.at(0, 0, 0, 0)).map(|start| start - 1)
    }

    /// What was meant; `None`: it is not understood.
    #[must_use]
    pub fn read(&self, said: &Said) -> Option<When> {
        match said {
            Said::At(at) => Timestamp::from_millisecond(*at).ok().map(|_| When::Moment(*at)),
            Said::Words(text) => self.understand(text.trim()),
        }
    }

    /// The moment that was meant; of a day its morning.
    #[must_use]
    pub fn read_moment(&self, said: &Said) -> Option<i64> {
        match self.read(said)? {
            When::Moment(at) => Some(at),
            When::Day(day) => self.moment(day.at(MORNING, 0, 0, 0)),
        }
    }

    /// The moment that was meant; of a day its first.
    #[must_use]
    pub fn read_start(&self, said: &Said) -> Option<i64> {
        match self.read(said)? {
            When::Moment(at) => Some(at),
            When::Day(day) => self.moment(day.at(0, 0, 0, 0)),
        }
    }

    fn understand(&self, text: &str) -> Option<When> {
        if text.is_empty() || text.len() > LONGEST {
            return None;
        }
        if text.as_bytes().get(4) == Some(&b'-') && text.as_bytes().first().is_some_and(u8::is_ascii_digit) {
            return self.formal(text);
        }
        let tokens = table::tokens(text)?;
        let mut reading = Reading { tokens: &tokens, at: 0, found: Found::default() };
        reading.all()?;
        reading.found.settle(self)
    }

    /// ISO 8601: with its own offset, on the workspace's clock, or a day.
    fn formal(&self, text: &str) -> Option<When> {
        if text.len() == 10 {
            return text.parse().ok().map(When::Day);
        }
        let moment = text.parse::<Timestamp>().ok().map(|moment| moment.as_millisecond());
        moment.or_else(|| self.moment(text.parse().ok()?)).map(When::Moment)
    }
}

/// What the words have said so far.
#[derive(Debug, Default)]
struct Found {
    offset: Option<Span>,
    day: Option<Day>,
    time: Option<Time>,
    /// The default hour of a part of the day, and whether a clock's twelve hours are its second.
    part: Option<(i8, bool)>,
    next: bool,
    /// A measure was announced.
    measured: bool,
}

#[derive(Debug, Clone, Copy)]
enum Day {
    /// So many days from today.
    From(i64),
    Weekday(Weekday),
    /// Day and month, with the year if it was said.
    Date(i8, i8, Option<i16>),
    NextWeek,
    NextMonth,
}

struct Reading<'a> {
    tokens: &'a [Meaning],
    at: usize,
    found: Found,
}

impl Reading<'_> {
    fn peek(&self, ahead: usize) -> Option<Meaning> {
        self.tokens.get(self.at + ahead).copied()
    }

    /// Reads everything; `None`: something is left over or said twice.
    fn all(&mut self) -> Option<()> {
        while let Some(meaning) = self.peek(0) {
            self.at += 1;
            match meaning {
                Meaning::Skip | Meaning::At => {}
                Meaning::In => self.found.measured = true,
                Meaning::Day(days) => self.day(Day::From(days))?,
                Meaning::Weekday(day) => self.day(Day::Weekday(day))?,
                Meaning::Month(month) => self.month(month)?,
                Meaning::Dotted(day, month, year) => self.day(Day::Date(day, month, year))?,
                Meaning::Part(hour, late) => self.part(hour, late)?,
                Meaning::Tonight => {
                    self.day(Day::From(0))?;
                    self.part(20, true)?;
                }
                Meaning::Clock(hour, minute) => self.clock(hour, minute)?,
                Meaning::Next => self.next()?,
                Meaning::Number(number) => self.number(number)?,
                Meaning::Half | Meaning::Quarter | Meaning::HalfTo => self.fraction(meaning)?,
                Meaning::Unit(_) | Meaning::Morning | Meaning::Afternoon | Meaning::Past | Meaning::To => return None,
            }
        }
        Some(())
    }

    fn day(&mut self, day: Day) -> Option<()> {
        // "this evening" and "tonight" say the day by themselves; the same day twice is no contradiction only there.
        if self.found.day.is_some() {
            return None;
        }
        self.found.day = Some(day);
        Some(())
    }

    fn part(&mut self, hour: i8, late: bool) -> Option<()> {
        self.found.part.is_none().then(|| self.found.part = Some((hour, late)))
    }

    fn next(&mut self) -> Option<()> {
        self.found.next = true;
        match self.peek(0)? {
            Meaning::Unit(Unit::Week) => self.day(Day::NextWeek)?,
            Meaning::Unit(Unit::Month) => self.day(Day::NextMonth)?,
            Meaning::Unit(Unit::Day) => self.day(Day::From(1))?,
            Meaning::Weekday(_) => return Some(()),
            _ => return None,
        }
        self.at += 1;
        Some(())
    }

    /// "May 5", "May 5 2027"; the day before the month is read where the number stands.
    fn month(&mut self, month: i8) -> Option<()> {
        let Some(Meaning::Number(day)) = self.peek(0) else { return None };
        self.at += 1;
        let year = self.year();
        self.day(Day::Date(i8::try_from(day).ok()?, month, year))
    }

    fn year(&mut self) -> Option<i16> {
        let ahead = self.skips();
        let Some(Meaning::Number(year @ 1970..=9999)) = self.peek(ahead) else { return None };
        self.at += ahead + 1;
        i16::try_from(year).ok()
    }

    /// How many words follow that add nothing.
    fn skips(&self) -> usize {
        (0..).take_while(|ahead| self.peek(*ahead) == Some(Meaning::Skip)).count()
    }

    fn number(&mut self, number: i64) -> Option<()> {
        let small = i8::try_from(number).ok();
        // "the 3rd of March".
        let ahead = self.skips();
        if let Some(Meaning::Month(month)) = self.peek(ahead) {
            self.at += ahead + 1;
            let year = self.year();
            return self.day(Day::Date(small?, month, year));
        }
        match self.peek(0) {
            Some(Meaning::Unit(unit)) => {
                self.at += 1;
                self.offset(number, unit)
            }
            // "a half hour".
            Some(Meaning::Half) if number == 1 => Some(()),
            Some(Meaning::Morning | Meaning::Afternoon) => {
                let late = self.peek(0) == Some(Meaning::Afternoon);
                self.at += 1;
                self.clock(twelve(small?, late)?, 0)
            }
            Some(unit @ (Meaning::Past | Meaning::To)) => {
                self.at += 1;
                self.beside(small?, unit)
            }
            _ => self.clock(small?, 0),
        }
    }

    /// "half past nine", "quarter to ten", "halb zehn", "half an hour".
    fn fraction(&mut self, fraction: Meaning) -> Option<()> {
        let minutes = if fraction == Meaning::Quarter { 15 } else { 30 };
        match (fraction, self.peek(0)?) {
            (Meaning::HalfTo, _) => self.beside(minutes, Meaning::To),
            (_, side @ (Meaning::Past | Meaning::To)) => {
                self.at += 1;
                self.beside(minutes, side)
            }
            (_, Meaning::Unit(Unit::Hour)) => {
                self.at += 1;
                self.offset(i64::from(minutes), Unit::Minute)
            }
            (Meaning::Half, Meaning::Number(1)) if matches!(self.peek(1), Some(Meaning::Unit(Unit::Hour))) => {
                self.at += 2;
                self.offset(30, Unit::Minute)
            }
            _ => None,
        }
    }

    /// So many minutes before or after the hour that follows.
    fn beside(&mut self, minutes: i8, side: Meaning) -> Option<()> {
        let Some(Meaning::Number(hour)) = self.peek(0) else { return None };
        self.at += 1;
        let mut hour = i8::try_from(hour).ok()?;
        if let Some(half @ (Meaning::Morning | Meaning::Afternoon)) = self.peek(0) {
            self.at += 1;
            hour = twelve(hour, half == Meaning::Afternoon)?;
        }
        match side {
            Meaning::Past => self.clock(hour, minutes),
            _ if hour == 0 => self.clock(23, 60 - minutes),
            _ => self.clock(hour - 1, 60 - minutes),
        }
    }

    fn clock(&mut self, hour: i8, minute: i8) -> Option<()> {
        let mut hour = hour;
        if let Some(half @ (Meaning::Morning | Meaning::Afternoon)) = self.peek(0) {
            self.at += 1;
            hour = twelve(hour, half == Meaning::Afternoon)?;
        }
        if self.found.time.is_some() {
            return None;
        }
        self.found.time = Some(Time::new(hour, minute, 0, 0).ok()?);
        Some(())
    }

    fn offset(&mut self, number: i64, unit: Unit) -> Option<()> {
        if !(0..=100_000).contains(&number) {
            return None;
        }
        let span = self.found.offset.unwrap_or_default();
        let added = match unit {
            Unit::Minute => span.try_minutes(span.get_minutes() + number),
            Unit::Hour => span.try_hours(i64::from(span.get_hours()) + number),
            Unit::Day => span.try_days(i64::from(span.get_days()) + number),
            Unit::Week => span.try_weeks(i64::from(span.get_weeks()) + number),
            Unit::Month => span.try_months(i64::from(span.get_months()) + number),
            Unit::Year => span.try_years(i64::from(span.get_years()) + number),
        };
        self.found.offset = Some(added.ok()?);
        Some(())
    }
}

/// An hour of a clock with twelve.
fn twelve(hour: i8, late: bool) -> Option<i8> {
    (1..=12).contains(&hour).then(|| hour % 12 + if late { 12 } else { 0 })
}

impl Found {
    fn settle(self, from: &Standpoint) -> Option<When> {
        let now = from.local(from.now);
        let time = match (self.time, self.part) {
            (Some(time), Some((_, true))) if (1..12).contains(&time.hour()) => {
                Some(time.with().hour(time.hour() + 12).build().ok()?)
            }
            (Some(time), _) => Some(time),
            // The hour after the last is the next day's first.
            (None, Some((24, _))) => None,
            (None, Some((hour, _))) => Some(Time::new(hour, 0, 0, 0).ok()?),
            (None, None) => None,
        };
        if self.measured && self.offset.is_none() {
            return None;
        }
        if let Some(offset) = self.offset {
            return if self.day.is_some() { None } else { later(from, offset, time) };
        }
        let midnight = self.time.is_none() && self.part.is_some_and(|(hour, _)| hour == 24);
        let date = match self.day {
            Some(day) => day.date(now, time, self.next)?,
            None if midnight => now.date(),
            None => {
                let time = time?;
                if now.date().to_datetime(time) > now { now.date() } else { now.date().tomorrow().ok()? }
            }
        };
        if midnight {
            return from.moment(date.tomorrow().ok()?.at(0, 0, 0, 0)).map(When::Moment);
        }
        match time {
            Some(time) => from.moment(date.to_datetime(time)).map(When::Moment),
            None => Some(When::Day(date)),
        }
    }
}

/// So much later: hours and minutes by the second, days and more by the calendar.
fn later(from: &Standpoint, offset: Span, time: Option<Time>) -> Option<When> {
    let by_calendar =
        offset.get_days() != 0 || offset.get_weeks() != 0 || offset.get_months() != 0 || offset.get_years() != 0;
    let by_clock = offset.get_hours() != 0 || offset.get_minutes() != 0;
    let now = Timestamp::from_millisecond(from.now).ok()?.to_zoned(from.zone.clone());
    let then = now.checked_add(offset).ok()?;
    match (by_calendar, by_clock, time) {
        (true, false, None) => Some(When::Day(then.date())),
        (true, false, Some(time)) => from.moment(then.date().to_datetime(time)).map(When::Moment),
        (_, _, None) => Some(When::Moment(then.timestamp().as_millisecond())),
        _ => None,
    }
}

impl Day {
    fn date(self, now: DateTime, time: Option<Time>, next: bool) -> Option<Date> {
        let today = now.date();
        match self {
            Self::From(days) => today.checked_add(days.days()).ok(),
            Self::Weekday(day) => {
                let still_today =
                    !next && today.weekday() == day && time.is_some_and(|time| today.to_datetime(time) > now);
                if still_today { Some(today) } else { today.nth_weekday(1, day).ok() }
            }
            Self::NextWeek => today.nth_weekday(1, Weekday::Monday).ok(),
            Self::NextMonth => today.first_of_month().checked_add(1.month()).ok(),
            Self::Date(day, month, Some(year)) => Date::new(year, month, day).ok(),
            Self::Date(day, month, None) => {
                // The next one to come; 29 February may be years away.
                let mut years = today.year()..=today.year().saturating_add(8);
                years.find_map(|year| Date::new(year, month, day).ok().filter(|date| *date >= today))
            }
        }
    }
}

#[cfg(test)]
mod tests;
