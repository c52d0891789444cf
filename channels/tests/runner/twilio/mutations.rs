//! Broken copies of sound forms, and noise: whatever comes in, reading it ends in an answer.

use proptest::prelude::*;
use serde_json::json;
use switchboard_channels::contract::vendor::{Delivery, Vendor};
use switchboard_channels::twilio::outcome;
use switchboard_channels::twilio::segments::segments;

use super::fixtures::{URL, addressee, bodies, bytes, headers, receive, with};
use super::hostile::{all_sound, receive_json};

fn corpus() -> Vec<Vec<u8>> {
    let names = [bodies("inbound"), bodies("hostile")].concat();
    names.iter().filter(|name| !name.contains("long")).map(|name| bytes(name)).collect()
}

fn survives(body: &[u8]) {
    for parsed in [receive(&addressee(body), URL, body), receive_json(body)].into_iter().flatten() {
        assert!(parsed.events.len() + parsed.ignored.len() > 0, "it disappeared");
        all_sound("a mutation", &parsed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_bodies(
        body in prop::sample::select(corpus()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 1..8),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut body = body;
        for (index, byte, kind) in changes {
            if body.is_empty() {
                break;
            }
            let at = index.index(body.len());
            match kind {
                0 => body[at] = byte,
                1 => { body.remove(at); }
                2 => body.insert(at, byte),
                _ => body[at] = b"&=%+:.0 \0\n"[usize::from(byte) % 10],
            }
        }
        if let Some(cut) = cut {
            body.truncate(cut.index(body.len() + 1));
        }
        survives(&body);
    }

    #[test]
    fn noise(
        body in prop::collection::vec(any::<u8>(), 0..400),
        url in "\\PC{0,60}",
        header in "\\PC{0,60}",
        kind in "(application/json|application/x-www-form-urlencoded|\\PC{0,20})",
        status in any::<u16>(),
    ) {
        survives(&body);
        let headers = headers(&kind, &header);
        let settings = with(&json!({ "shared_keys": "k", "signature_algorithm": "either" }));
        let delivery = Delivery { url: &url, headers: &headers, body: &body, now: 0 };
        prop_assert!(!settings.verifies(&delivery));
        let _ = settings.take_again(&delivery);
        let _ = outcome::sent(status, &body);
        let _ = outcome::templates(status, &body);
        for probe in 0..4 {
            let _ = settings.finding(probe, status, &body);
        }
    }

    #[test]
    fn segments_carry_all_units(text in "([a-z€^]|ы|😀|\\PC){0,400}") {
        let counted = segments(&text);
        let each = if json!(counted.encoding) == "GSM-7" { (160, 153) } else { (70, 67) };
        let room = if counted.count == 1 { each.0 } else { counted.count * each.1 };
        prop_assert!(counted.count >= 1 && counted.units <= room);
        // At most one unit a part is lost to characters that are not torn apart.
        prop_assert!(counted.units + counted.left + counted.count > room - 1);
    }
}
