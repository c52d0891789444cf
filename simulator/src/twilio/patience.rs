//! How often Twilio calls a webhook again: once and only when it could not connect, unless the fragment of the
//! address says otherwise.

use std::time::Duration;

/// The rules of one address.
#[derive(Debug)]
pub struct Patience {
    retries: u32,
    on: Vec<String>,
    total: Duration,
}

/// Reads the overrides of an address: `#rc=5&rp=all&tt=15000`.
pub fn of(url: &str) -> Patience {
    let mut patience = Patience { retries: 1, on: vec!["ct".to_owned()], total: Duration::from_secs(15) };
    let fragment = url.split_once('#').map_or("", |(_, fragment)| fragment);
    for (key, value) in fragment.split('&').filter_map(|pair| pair.split_once('=')) {
        match key {
            "rc" => patience.retries = value.parse().unwrap_or(1).min(5),
            "rp" => patience.on = value.split(',').map(str::to_owned).collect(),
            "tt" => {
                let ms = value.parse().unwrap_or(15_000).clamp(100, 15_000);
                patience.total = Duration::from_millis(ms);
            }
            _ => {}
        }
    }
    patience
}

impl Patience {
    /// Whether there is another try after so many, beginning so long after the first.
    pub fn again(&self, result: &Result<u16, String>, tries: u32, until: Duration) -> bool {
        let classes: &[&str] = match result {
            Ok(400..=499) => &["4xx", "all"],
            Ok(500..=599) => &["5xx", "all"],
            Ok(_) => &[],
            Err(_) => &["ct", "rt", "all"],
        };
        tries <= self.retries && until <= self.total && self.on.iter().any(|on| classes.contains(&on.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fragment_decides_what_is_tried_again() {
        let soon = Duration::from_millis(100);
        for (url, result, tries, again) in [
            ("http://g/x", Ok(500), 1, false),
            ("http://g/x", Err("refused".to_owned()), 1, true),
            ("http://g/x", Err("refused".to_owned()), 2, false),
            ("http://g/x#rc=3&rp=5xx", Ok(503), 3, true),
            ("http://g/x#rc=3&rp=5xx", Ok(503), 4, false),
            ("http://g/x#rc=3&rp=5xx", Ok(404), 1, false),
            ("http://g/x#rc=3&rp=all", Ok(404), 1, true),
            ("http://g/x#rc=3&rp=all&tt=100", Ok(404), 1, true),
        ] {
            assert_eq!(of(url).again(&result, tries, soon), again, "{url} {result:?} {tries}");
        }
    }
}
