//! Passages cut into sentences: what can be quoted by itself.

/// A sentence with what kind of line it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sentence<'a> {
    /// The words, trimmed, without list or heading marks.
    pub(super) text: &'a str,
    /// A heading or a question announces the sentences behind it and is no answer itself.
    pub(super) announces: bool,
}

/// Words that a full stop shortens. Before a small letter or a number it ends no sentence.
const SHORTENED: [&str; 44] = [
    "approx", "incl", "excl", "etc", "max", "min", "tel", "ext", "nos", "resp", "avg", "dept", "est", "fig", "art",
    "vol", "mon", "tue", "wed", "thu", "fri", "sat", "sun", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep",
    "sept", "oct", "nov", "dec", "inkl", "exkl", "zzgl", "bzw", "evtl", "ggf", "usw", "str", "aprox",
];

/// A line that is shorter was not wrapped: the next one begins something of its own.
const WRAPPED: usize = 40;

/// A text whose lines were wrapped in the middle of sentences, with these sentences on one line each.
pub(super) fn unwrapped(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    let mut before = "";
    for line in text.lines() {
        let wrapped = before.trim().chars().count() >= WRAPPED
            && !before.trim_start().starts_with(['#', '|'])
            && !before.trim_end().ends_with(['.', '!', '?', ':', ';', '。', '！', '？', '：']);
        let goes_on = line.trim_start().starts_with(|letter: char| letter.is_lowercase() || letter.is_numeric());
        if wrapped && goes_on {
            whole.push(' ');
            whole.push_str(line.trim_start());
        } else {
            if !whole.is_empty() {
                whole.push('\n');
            }
            whole.push_str(line);
        }
        before = line;
    }
    whole
}

/// The questions of a message that may hold several: each line is one, and each sentence with a question mark, together
/// with what leads to it.
pub(super) fn questions(message: &str) -> Vec<String> {
    let mut questions: Vec<String> = Vec::new();
    for line in message.lines() {
        let mut question = String::new();
        let mut asked = false;
        let mut rest = line.trim();
        while !rest.is_empty() {
            let (sentence, behind) = rest.split_at_checked(end_of_sentence(rest)).unwrap_or((rest, ""));
            if asked && sentence.trim_end().ends_with(['?', '？']) {
                questions.push(std::mem::take(&mut question));
            }
            asked |= sentence.trim_end().ends_with(['?', '？']);
            if !question.is_empty() {
                question.push(' ');
            }
            question.push_str(sentence.trim());
            rest = behind.trim_start();
        }
        if !question.is_empty() {
            questions.push(question);
        }
    }
    questions
}

/// Cuts at sentence ends and line ends. What was cut off from a passage around it is no sentence and is left out.
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
            if !text.is_empty() && !text.starts_with('…') && !text.ends_with(" …") {
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

/// Where the first sentence ends, in bytes.
fn end_of_sentence(text: &str) -> usize {
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let end = at.saturating_add(letter.len_utf8());
        let space_follows = letters.peek().is_none_or(|(_, next)| next.is_whitespace());
        let ends = match letter {
            '。' | '！' | '？' => true,
            '!' | '?' | '.' if space_follows => {
                text.split_at_checked(end).is_some_and(|(before, behind)| ends_sentence(before, behind))
            }
            _ => false,
        };
        if ends {
            return end;
        }
    }
    text.len()
}

/// Whether a sentence ends with a text, before what stands behind it. A full stop ends one only after a word of some
/// length that it does not shorten, so that "e.g. this", "No. 5" and "approx. 5" stay whole.
pub(super) fn ends_sentence(text: &str, behind: &str) -> bool {
    let text = text.trim_end();
    let Some(before) = text.strip_suffix('.') else {
        return text.ends_with(['!', '?', '…', '。', '！', '？']);
    };
    let start = before.rfind(|letter: char| !letter.is_alphanumeric());
    let word = start.map_or(before, |at| before.get(at..).unwrap_or_default());
    let word = word.trim_start_matches(|letter: char| !letter.is_alphanumeric()).to_lowercase();
    let goes_on = behind.trim_start().starts_with(|letter: char| letter.is_lowercase() || letter.is_numeric());
    word.chars().count() > 2 && !(goes_on && SHORTENED.contains(&word.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_hold_several_questions() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("When do you open?", &["When do you open?"]),
            ("When do you open?\nDo you ship?", &["When do you open?", "Do you ship?"]),
            ("When do you open? Do you ship? Thanks.", &["When do you open?", "Do you ship? Thanks."]),
            ("I bought shoes. Can I return them?", &["I bought shoes. Can I return them?"]),
            ("return policy\n\nopening hours", &["return policy", "opening hours"]),
        ];
        for (message, expected) in cases {
            assert_eq!(questions(message), *expected, "{message}");
        }
    }

    #[test]
    fn a_full_stop_that_shortens_a_word_ends_nothing() {
        let cases: &[(&str, &[&str])] = &[
            ("It costs approx. 5 euros. Ask us.", &["It costs approx. 5 euros.", "Ask us."]),
            (
                "Mon. to Fri. from nine. Closed on Sun. and holidays.",
                &["Mon. to Fri. from nine.", "Closed on Sun. and holidays."],
            ),
            ("Shoes, hats etc. Returns are free.", &["Shoes, hats etc.", "Returns are free."]),
            ("Preis inkl. 19 % MwSt. Der Versand ist frei.", &["Preis inkl. 19 % MwSt.", "Der Versand ist frei."]),
            ("Use e.g. this, or No. 5. Then stop.", &["Use e.g. this, or No. 5. Then stop."]),
            ("we open at nine. we close at six.", &["we open at nine.", "we close at six."]),
        ];
        for (text, expected) in cases {
            let found: Vec<&str> = sentences(text).into_iter().map(|sentence| sentence.text).collect();
            assert_eq!(found, *expected, "{text}");
        }
    }

    #[test]
    fn wrapped_lines_are_whole_again() {
        let cases = [
            (
                "You can return any item that you have bought within\n30 days, and you\nneed the receipt.\nBring it.",
                "You can return any item that you have bought within 30 days, and you\nneed the receipt.\nBring it.",
            ),
            ("Short line\nanother", "Short line\nanother"),
            (
                "# A heading that is longer than any heading should be\nand text",
                "# A heading that is longer than any heading should be\nand text",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(unwrapped(text), expected);
        }
    }

    #[test]
    fn texts_are_cut_where_a_reader_would() {
        let cases: &[(&str, &[(&str, bool)])] = &[
            ("", &[]),
            ("We open at nine. We close at 5.30 pm!", &[("We open at nine.", false), ("We close at 5.30 pm!", false)]),
            ("Bring paper, e.g. a receipt. Thanks.", &[("Bring paper, e.g. a receipt.", false), ("Thanks.", false)]),
            ("## Returns\nWithin 30 days.", &[("Returns", true), ("Within 30 days.", false)]),
            ("Can I pay cash? Yes.", &[("Can I pay cash?", true), ("Yes.", false)]),
            ("We ship to:\n- France\n* **Spain**", &[("We ship to:", true), ("France", false), ("Spain", false)]),
            ("… of the shop. We open at nine. We close when …", &[("We open at nine.", false)]),
            ("九時に開きます。六時に閉まります。", &[("九時に開きます。", false), ("六時に閉まります。", false)]),
        ];
        for (text, expected) in cases {
            let found: Vec<(&str, bool)> = sentences(text).iter().map(|found| (found.text, found.announces)).collect();
            assert_eq!(&found, expected, "{text}");
        }
    }
}
