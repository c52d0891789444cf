//! Broken copies of sound bodies, and noise, for both products.

use proptest::prelude::*;
use switchboard_channels::Kind;
use switchboard_channels::contract::splitting::split;

use super::{BOTH, addressees, bodies, bytes, known, receive, vendor};
use crate::inbound::sound;

fn corpus() -> Vec<(Kind, Vec<u8>)> {
    let names = |kind| [known(kind), bodies(kind, "hostile")].concat();
    BOTH.iter().flat_map(|kind| names(*kind).into_iter().map(|name| (*kind, bytes(*kind, &name)))).collect()
}

fn survives(kind: Kind, body: &[u8]) {
    let _ = addressees(kind, body);
    if let Ok(parsed) = receive(kind, body) {
        sound("a mutation", &parsed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_bodies(
        (kind, body) in prop::sample::select(corpus()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 1..8),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let body = crate::mutations::mutated(body, changes, cut);
        survives(kind, &body);
    }

    /// Members of sound bodies replaced by something of another type keep the JSON sound and its meaning not.
    #[test]
    fn swapped_members(
        (kind, body) in prop::sample::select(corpus()),
        at in any::<prop::sample::Index>(),
        with in prop::sample::select(crate::mutations::ODD.to_vec()),
    ) {
        if let Some(swapped) = crate::mutations::swapped(&body, at, with) {
            survives(kind, swapped.as_bytes());
        }
    }

    #[test]
    fn noise(body in prop::collection::vec(any::<u8>(), 0..600), status in any::<u16>()) {
        for kind in BOTH {
            survives(kind, &body);
            let vendor = vendor(kind);
            let _ = vendor.outcome(status, &body);
            let _ = vendor.uploaded(status, &body);
            let _ = vendor.profiled(status, &body);
            for probe in 0..vendor.probes().len() {
                let finding = vendor.finding(probe, status, &body);
                prop_assert!(!finding.what.is_empty() && finding.ok == finding.remedy.is_none());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parts_of_a_long_text_can_be_sent(text in "(\\PC|[ \\n.]|👩‍👩‍👧|é){1,400}", times in 1_usize..9) {
        for kind in BOTH {
            for part in split(&text.repeat(times), vendor(kind).capabilities().text) {
                let content = switchboard_channels::contract::content::Content::text(part);
                prop_assert!(super::outbound::rendered(kind, &content).is_ok());
            }
        }
    }
}
