//! Durations as people write them: `250ms`, `30s`, `10m`, `24h`, `7d`, several in a row, or a number of milliseconds.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Units from large to small, with their milliseconds.
const UNITS: [(&str, u64); 5] =
    [("d", 24 * 60 * 60 * 1_000), ("h", 60 * 60 * 1_000), ("m", 60 * 1_000), ("s", 1_000), ("ms", 1)];

/// What a duration must look like, for error messages.
pub const EXPECTED: &str = "a duration such as \"250ms\", \"30s\", \"10m\" or \"24h\", or a number of milliseconds";

/// A length of time in whole milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(u64);

impl Span {
    /// So many milliseconds.
    #[must_use]
    pub const fn millis(millis: u64) -> Self {
        Self(millis)
    }

    /// So many seconds.
    #[must_use]
    pub const fn seconds(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1_000))
    }

    /// In milliseconds.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// As the standard library's type.
    #[must_use]
    pub const fn std(self) -> Duration {
        Duration::from_millis(self.0)
    }

    /// Whether it is no time at all.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl From<Duration> for Span {
    fn from(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }
}

/// A text that is no duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {EXPECTED}")]
pub struct NotASpan;

impl FromStr for Span {
    type Err = NotASpan;

    fn from_str(text: &str) -> Result<Self, NotASpan> {
        let mut rest = text.trim();
        if let Ok(millis) = rest.parse() {
            return Ok(Self(millis));
        }
        if rest.is_empty() {
            return Err(NotASpan);
        }
        let mut total = 0_u64;
        while !rest.is_empty() {
            let (digits, behind) = split(rest, |character| character.is_ascii_digit());
            let (unit, next) = split(behind.trim_start(), |character| character.is_ascii_alphabetic());
            let (_, factor) = UNITS.iter().find(|(word, _)| *word == unit).ok_or(NotASpan)?;
            let part = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(*factor)).ok_or(NotASpan)?;
            total = total.checked_add(part).ok_or(NotASpan)?;
            rest = next.trim_start();
        }
        Ok(Self(total))
    }
}

/// The text up to the first character that does not belong, and the rest.
fn split(text: &str, belongs: fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|character| !belongs(character)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = UNITS.iter().find(|(_, millis)| self.0 > 0 && self.0.is_multiple_of(*millis));
        let (word, millis) = unit.unwrap_or(&("ms", 1));
        write!(formatter, "{}{word}", self.0 / millis)
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Span;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(EXPECTED)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, millis: u64) -> Result<Span, E> {
                Ok(Span(millis))
            }

            fn visit_i64<E: de::Error>(self, millis: i64) -> Result<Span, E> {
                u64::try_from(millis).map(Span).map_err(|_| E::custom(NotASpan))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::Span;

    #[test]
    fn people_write_durations_in_many_ways() {
        let cases = [
            ("250ms", 250, "250ms"),
            ("30s", 30_000, "30s"),
            ("90 s", 90_000, "90s"),
            ("120s", 120_000, "2m"),
            ("1h30m", 5_400_000, "90m"),
            ("1h 30m", 5_400_000, "90m"),
            ("24h", 86_400_000, "1d"),
            ("7d", 604_800_000, "7d"),
            ("1500", 1_500, "1500ms"),
            ("0", 0, "0ms"),
            ("0s", 0, "0ms"),
        ];
        for (text, millis, shown) in cases {
            let span: Span = text.parse().expect(text);
            assert_eq!((span.as_millis(), span.to_string().as_str()), (millis, shown), "{text}");
            assert_eq!(shown.parse(), Ok(span), "{text} does not survive being shown");
        }
        for text in ["", " ", "s", "1", "10 parsecs", "-1s", "1.5s", "s10", "99999999999999999999", "9999999999999999d"]
        {
            assert_eq!(text.parse::<Span>().is_ok(), text == "1", "{text:?}");
        }
    }
}
