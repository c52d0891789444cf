//! How long a peer asks to be left alone, read from its response headers.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// The wait a peer asks for, from `retry-after-ms` (milliseconds) or `retry-after` (seconds, also with a fraction,
/// or an HTTP date). A date is compared with the peer's own `date` where it sends one, since its clock set both;
/// else with `now_ms`. `None` where nothing usable is said or the moment has passed.
#[must_use]
pub fn retry_hint(headers: &HeaderMap, now_ms: i64) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let seconds = |value: f64| Duration::try_from_secs_f64(value).ok();
    if let Some(hint) = text("retry-after-ms").and_then(|value| value.parse::<f64>().ok()) {
        return seconds(hint / 1000.0).filter(|hint| !hint.is_zero());
    }
    let value = text(RETRY_AFTER.as_str())?;
    let hint = match value.parse::<f64>() {
        Ok(number) => seconds(number)?,
        Err(_) => {
            let now = text(DATE.as_str()).and_then(|date| httpdate::parse_http_date(date).ok());
            let now = now.unwrap_or_else(|| at(now_ms));
            httpdate::parse_http_date(value).ok()?.duration_since(now).ok()?
        }
    };
    Some(hint).filter(|hint| !hint.is_zero())
}

fn at(unix_ms: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(unix_ms).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_are_read_in_order_of_precision() {
        // 2026-07-16T10:00:00Z
        let now_ms = 1_784_196_000_000;
        type Case<'a> = (&'a [(&'a str, &'a str)], Option<u64>);
        let cases: &[Case<'_>] = &[
            (&[], None),
            (&[("retry-after", "7")], Some(7_000)),
            (&[("retry-after", " 0.25 ")], Some(250)),
            (&[("retry-after", "7"), ("retry-after-ms", "6500")], Some(6_500)),
            (&[("retry-after", "7"), ("retry-after-ms", "soon")], Some(7_000)),
            (&[("retry-after", "Thu, 16 Jul 2026 10:01:00 GMT")], Some(60_000)),
            (&[("retry-after", "Thu, 16 Jul 2026 09:59:00 GMT")], None),
            (
                &[("retry-after", "Thu, 16 Jul 2026 12:00:05 GMT"), ("date", "Thu, 16 Jul 2026 12:00:00 GMT")],
                Some(5_000),
            ),
            (&[("retry-after", "-3")], None),
            (&[("retry-after", "0")], None),
            (&[("retry-after", "inf")], None),
            (&[("retry-after", "tomorrow")], None),
        ];
        for (lines, expected) in cases {
            let headers = lines
                .iter()
                .map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")))
                .collect::<HeaderMap>();
            let hint = retry_hint(&headers, now_ms).map(|hint| u64::try_from(hint.as_millis()).expect("short"));
            assert_eq!(hint, *expected, "{lines:?}");
        }
    }
}
