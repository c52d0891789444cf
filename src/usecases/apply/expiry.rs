//! Points in time as the file writes them: `2027-01-31`, or with a time and an offset from UTC.

use toml::value::{Datetime, Offset};

/// Unix milliseconds of a date (its first moment in UTC) or of a date with time, in UTC unless it names an offset.
pub fn unix_millis(text: &str) -> Option<i64> {
    let point: Datetime = text.trim().parse().ok()?;
    let date = point.date?;
    let days = days_since_1970(i64::from(date.year), i64::from(date.month), i64::from(date.day));
    let seconds = point
        .time
        .map_or(0, |time| i64::from(time.hour) * 3_600 + i64::from(time.minute) * 60 + i64::from(time.second));
    let offset = match point.offset {
        Some(Offset::Custom { minutes }) => i64::from(minutes) * 60,
        Some(Offset::Z) | None => 0,
    };
    Some((days * 86_400 + seconds - offset) * 1_000)
}

/// Counts in years that begin in March, so that the leap day comes last.
const fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::unix_millis;

    #[test]
    fn dates_are_points_in_time() {
        let cases = [
            ("1970-01-01", Some(0)),
            ("1969-12-31", Some(-86_400_000)),
            ("2000-02-29", Some(951_782_400_000)),
            ("2026-11-22T02:00:00Z", Some(1_795_312_800_000)),
            ("2026-11-22T04:00:00+02:00", Some(1_795_312_800_000)),
            ("2026-11-22 02:00:00", Some(1_795_312_800_000)),
            ("02:00:00", None),
            ("tomorrow", None),
            ("2026-13-01", None),
        ];
        for (text, expected) in cases {
            assert_eq!(unix_millis(text), expected, "{text}");
        }
    }
}
