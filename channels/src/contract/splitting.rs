//! Long texts in parts that a channel carries. It cuts where a reader would pause, and never through what a reader
//! sees as one character.

use unicode_segmentation::UnicodeSegmentation;

use super::capabilities::{TextRule, Unit};

/// Splits a text into parts that the rule allows: between paragraphs if it can, else between lines, sentences or
/// words. Blanks at the cuts are dropped; a blank text has no parts.
#[must_use]
pub fn split(text: &str, rule: TextRule) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (part, after) = cut(rest, rule);
        let part = part.trim_end();
        if !part.is_empty() {
            parts.push(part.to_owned());
        }
        rest = after.trim_start();
    }
    parts
}

/// The first part of a text and the rest of it; the part is never empty.
fn cut(text: &str, rule: TextRule) -> (&str, &str) {
    let end = match rule.unit {
        Unit::Characters => text.char_indices().nth(rule.limit).map(|(end, _)| end),
        Unit::Utf16 => utf16_end(text, rule.limit),
        Unit::Bytes => (text.len() > rule.limit).then(|| text.floor_char_boundary(rule.limit)),
    };
    let Some(end) = end else { return (text, "") };
    let window = text.get(..end).unwrap_or(text);
    let least = end / 2;
    let at = last_end(window, "\n\n", least)
        .or_else(|| last_end(window, "\n", least))
        .or_else(|| sentence_end(window, least))
        .or_else(|| {
            window.char_indices().filter(|(_, character)| character.is_whitespace()).map(|(at, _)| at).next_back()
        })
        .filter(|at| *at > 0)
        .unwrap_or_else(|| whole_character(text, end));
    text.split_at_checked(at).unwrap_or((text, ""))
}

/// Where a text exceeds so many UTF-16 units, in bytes; a surrogate pair is never cut.
fn utf16_end(text: &str, limit: usize) -> Option<usize> {
    let mut units = 0;
    text.char_indices().find_map(|(at, character)| {
        units += character.len_utf16();
        (units > limit).then_some(at)
    })
}

/// The end of the last `mark` in the window, if it does not leave the part much too short.
fn last_end(window: &str, mark: &str, least: usize) -> Option<usize> {
    window.rfind(mark).map(|at| at + mark.len()).filter(|at| *at >= least)
}

/// The end of the last sentence in the window: a full stop or its like, followed by a blank or written without one.
fn sentence_end(window: &str, least: usize) -> Option<usize> {
    let mut ends = None;
    let mut characters = window.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let end = at + character.len_utf8();
        let closed = match character {
            '.' | '!' | '?' | '…' => characters.peek().is_some_and(|(_, next)| next.is_whitespace()),
            '。' | '！' | '？' => true,
            _ => false,
        };
        if closed && end >= least {
            ends = Some(end);
        }
    }
    ends
}

/// The last place up to `end` that does not cut through one visible character; `end` where one is longer than that.
fn whole_character(text: &str, end: usize) -> usize {
    let starts = text.grapheme_indices(true).map(|(at, _)| at);
    starts.take_while(|at| *at <= end).last().filter(|at| *at > 0).unwrap_or(end)
}
