//! Broken copies of sound bodies, and noise: whatever comes in, reading it ends in an answer.

use proptest::prelude::*;
use proptest::sample::Index;
use switchboard_channels::contract::splitting::split;
use switchboard_channels::whatsapp::{outcome, parse};

use crate::fixtures::{bodies, bytes, receive};
use crate::inbound::sound;
use crate::outbound::LIMIT;

fn corpus() -> Vec<Vec<u8>> {
    let mut names = [bodies("inbound"), bodies("status")].concat();
    names.extend(bodies("hostile").into_iter().filter(|name| !name.contains("1000") && !name.contains("70k")));
    names.iter().map(|name| bytes(name)).collect()
}

fn survives(body: &[u8]) {
    let _ = parse::addressed(body);
    if let Ok(parsed) = receive(body) {
        sound("a mutation", &parsed);
    }
}

/// Values that stand nowhere in sound bodies, or not where they are put.
pub(crate) const ODD: [&str; 10] =
    ["null", "true", "-1", "1e400", "\"\"", "\"\\u0000\"", "\"\\ud83d\"", "[]", "{}", "[[]]"];

/// A body with some bytes changed, taken out or put in, and perhaps its end cut off.
pub(crate) fn mutated(mut body: Vec<u8>, changes: Vec<(Index, u8, u8)>, cut: Option<Index>) -> Vec<u8> {
    for (index, byte, kind) in changes {
        if body.is_empty() {
            break;
        }
        let at = index.index(body.len());
        match kind {
            0 => body[at] = byte,
            1 => {
                body.remove(at);
            }
            2 => body.insert(at, byte),
            _ => body[at] = b"{}[]\",:\\0n"[usize::from(byte) % 10],
        }
    }
    if let Some(cut) = cut {
        body.truncate(cut.index(body.len() + 1));
    }
    body
}

/// A body with the value of one member replaced; nothing when it has no members.
pub(crate) fn swapped(body: &[u8], at: Index, with: &str) -> Option<String> {
    let text = String::from_utf8_lossy(body).into_owned();
    let colons: Vec<usize> = text.match_indices(':').map(|(at, _)| at).collect();
    if colons.is_empty() {
        return None;
    }
    let colon = colons[at.index(colons.len())];
    let (head, tail) = text.split_at(colon + 1);
    let rest = tail.trim_start();
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<serde::de::IgnoredAny>();
    let _ = values.next();
    Some(format!("{head}{with}{}", &rest[values.byte_offset()..]))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_bodies(
        body in prop::sample::select(corpus()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 1..8),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let body = mutated(body, changes, cut);
        survives(&body);
    }

    /// Members of sound bodies replaced by something of another type keep the JSON sound and its meaning not.
    #[test]
    fn swapped_members(
        body in prop::sample::select(corpus()),
        at in any::<prop::sample::Index>(),
        with in prop::sample::select(ODD.to_vec()),
    ) {
        if let Some(swapped) = swapped(&body, at, with) {
            survives(swapped.as_bytes());
        }
    }

    #[test]
    fn noise(body in prop::collection::vec(any::<u8>(), 0..600), status in any::<u16>(), header in prop::collection::vec(any::<u8>(), 0..90)) {
        survives(&body);
        let _ = outcome::sent(status, &body);
        let _ = outcome::media_link(status, &body);
        let _ = outcome::uploaded(status, &body);
        let _ = outcome::templates(status, &body);
        let _ = outcome::removed_template(status, &body);
        let _ = outcome::account(status, &body);
        let secret = switchboard_channels::contract::credentials::Secret::new("secret");
        prop_assert!(switchboard_channels::whatsapp::verify::signature(Some(&header), &body, &[&secret]).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn splitting_loses_nothing_but_blanks(text in "(\\PC|[ \\n.]|👩‍👩‍👧|🇩🇪|é){0,300}", times in 1_usize..60) {
        let text = text.repeat(times);
        let parts = split(&text, LIMIT);
        for part in &parts {
            prop_assert!(part.chars().count() <= 4_096 && !part.trim().is_empty());
        }
        let solid = |text: &str| text.chars().filter(|character| !character.is_whitespace()).collect::<String>();
        prop_assert_eq!(solid(&parts.concat()), solid(&text));
    }
}
