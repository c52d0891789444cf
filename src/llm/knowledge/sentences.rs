//! Passages cut into sentences: what can be quoted by itself.

/// A sentence with what kind of line it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sentence<'a> {
    /// The words, trimmed, without list or heading marks.
    pub(super) text: &'a str,
    /// A heading or a question announces the sentences behind it and is no answer itself.
    pub(super) announces: bool,
}

/// Cuts at sentence ends and line ends.
pub(super) fn sentences(text: &str) -> Vec<Sentence<'_>> {
    let mut sentences = Vec::new();
    for line in text.lines() {
        let heading = line.trim_start().starts_with('#');
        let line = line.trim().trim_start_matches(['#', '*', '-', '•', '>', '|', ' ']).trim_matches(['*', '_', ' ']);
        let before = sentences.len();
        let mut rest = line;
        while !rest.is_empty() {
            let (sentence, behind) = rest.split_at_checked(end_of_sentence(rest)).unwrap_or((rest, ""));
            let text = sentence.trim();
            if !text.is_empty() {
                sentences.push(Sentence { text, announces: heading || text.ends_with(['?', '？']) });
            }
            rest = behind.trim_start();
        }
        // A line that ends in a colon leads to the list below it.
        if let Some(last) = sentences.get_mut(before..).and_then(<[_]>::last_mut) {
            last.announces |= last.text.ends_with([':', '：']);
        }
    }
    sentences
}

/// Where the first sentence ends, in bytes. A full stop ends one only before a space and after a word of some length,
/// so that "e.g. this" and "No. 5" stay whole.
fn end_of_sentence(text: &str) -> usize {
    let mut word = 0_usize;
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let end = at.saturating_add(letter.len_utf8());
        let space_follows = letters.peek().is_none_or(|(_, next)| next.is_whitespace());
        match letter {
            '。' | '！' | '？' => return end,
            '!' | '?' if space_follows => return end,
            '.' if space_follows && word > 2 => return end,
            _ if letter.is_alphanumeric() => word = word.saturating_add(1),
            _ => word = 0,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_where_a_reader_would() {
        let cases: &[(&str, &[(&str, bool)])] = &[
            ("", &[]),
            ("We open at nine. We close at 5.30 pm!", &[("We open at nine.", false), ("We close at 5.30 pm!", false)]),
            ("Bring paper, e.g. a receipt. Thanks.", &[("Bring paper, e.g. a receipt.", false), ("Thanks.", false)]),
            ("## Returns\nWithin 30 days.", &[("Returns", true), ("Within 30 days.", false)]),
            ("Can I pay cash? Yes.", &[("Can I pay cash?", true), ("Yes.", false)]),
            ("We ship to:\n- France\n* **Spain**", &[("We ship to:", true), ("France", false), ("Spain", false)]),
            ("九時に開きます。六時に閉まります。", &[("九時に開きます。", false), ("六時に閉まります。", false)]),
        ];
        for (text, expected) in cases {
            let found: Vec<(&str, bool)> = sentences(text).iter().map(|found| (found.text, found.announces)).collect();
            assert_eq!(&found, expected, "{text}");
        }
    }
}
