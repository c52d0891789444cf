//! Repairs JSON in which a server split a character beyond U+FFFF over two events, leaving half of its escape in
//! each. Strict parsers refuse such text; losing one character is better than losing the answer.

/// Replaces each lone surrogate escape (`\ud83d` without its other half) by `\ufffd`; `None` where there is none.
pub(super) fn replace_lone(json: &str) -> Option<String> {
    let mut repaired = String::with_capacity(json.len());
    let mut rest = json;
    let mut changed = false;
    while let Some((before, after)) = rest.split_once('\\') {
        repaired.push_str(before);
        let (length, lone) = match unit(after) {
            Some(0xd800..=0xdbff) => match after.get(5..).and_then(|next| next.strip_prefix('\\')).and_then(unit) {
                Some(0xdc00..=0xdfff) => (11, false),
                _ => (5, true),
            },
            Some(0xdc00..=0xdfff) => (5, true),
            Some(_) => (5, false),
            None => (after.chars().next().map_or(0, char::len_utf8), false),
        };
        let (escape, behind) = after.split_at_checked(length)?;
        repaired.push('\\');
        repaired.push_str(if lone { "ufffd" } else { escape });
        changed |= lone;
        rest = behind;
    }
    repaired.push_str(rest);
    changed.then_some(repaired)
}

/// The number of an escape like `ud83d`.
fn unit(escape: &str) -> Option<u32> {
    let digits = escape.strip_prefix('u')?.get(..4)?;
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_halves_are_replaced() {
        let cases = [
            (r#"{"a":"x"}"#, None),
            (r#"{"a":"\ud83d\udc4d \n \\ \u00e9"}"#, None),
            (r#"{"a":"\\ud83d"}"#, None),
            (r#"{"a":"\ud83d"}"#, Some(r#"{"a":"\ufffd"}"#)),
            (r#"{"a":"\udc4d!"}"#, Some(r#"{"a":"\ufffd!"}"#)),
            (r#"{"a":"\ud83d\ud83d\udc4d"}"#, Some(r#"{"a":"\ufffd\ud83d\udc4d"}"#)),
            (r#"{"a":"\ud83d\n\\"}"#, Some(r#"{"a":"\ufffd\n\\"}"#)),
            (r"\", None),
            (r"\é\ud83d", Some(r"\é\ufffd")),
        ];
        for (json, expected) in cases {
            assert_eq!(replace_lone(json).as_deref(), expected, "{json}");
        }
    }
}
