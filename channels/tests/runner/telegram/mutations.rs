//! Broken copies of sound bodies, and noise.

use proptest::prelude::*;
use switchboard_channels::contract::content::Content;
use switchboard_channels::contract::splitting::split;

use super::{bodies, bytes, known, receive, vendor};
use crate::inbound::sound;

fn corpus() -> Vec<Vec<u8>> {
    [known(), bodies("hostile")].concat().iter().map(|name| bytes(name)).collect()
}

fn survives(body: &[u8]) {
    if let Ok(parsed) = receive(body) {
        assert!(!parsed.events.is_empty() || !parsed.ignored.is_empty(), "all of it disappeared");
        sound("a mutation", &parsed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_bodies(
        body in prop::sample::select(corpus()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 1..8),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        survives(&crate::mutations::mutated(body, changes, cut));
    }

    /// Members of sound bodies replaced by something of another type keep the JSON sound and its meaning not.
    #[test]
    fn swapped_members(
        body in prop::sample::select(corpus()),
        at in any::<prop::sample::Index>(),
        with in prop::sample::select(crate::mutations::ODD.to_vec()),
    ) {
        if let Some(swapped) = crate::mutations::swapped(&body, at, with) {
            survives(swapped.as_bytes());
        }
    }

    #[test]
    fn noise(body in prop::collection::vec(any::<u8>(), 0..600), status in any::<u16>()) {
        survives(&body);
        let vendor = vendor();
        let _ = vendor.outcome(status, &body);
        let _ = vendor.media_link(status, &body);
        let _ = vendor.profiled(status, &body);
        for probe in 0..vendor.probes().len() {
            let finding = vendor.finding(probe, status, &body);
            prop_assert!(!finding.what.is_empty() && finding.ok == finding.remedy.is_none());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parts_of_a_long_text_can_be_sent(text in "(\\PC|[ \\n.]|👩‍👩‍👧|é){1,400}", times in 1_usize..9) {
        for part in split(&text.repeat(times), vendor().capabilities().text) {
            prop_assert!(super::outbound::rendered(&Content::text(part)).is_ok());
        }
    }
}
