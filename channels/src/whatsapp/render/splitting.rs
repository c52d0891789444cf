//! Long texts in parts that WhatsApp carries. It cuts where a reader would pause, and never through what a reader
//! sees as one character.

use super::limits;

/// Splits a text into parts of at most 4,096 characters: between paragraphs if it can, else between lines, sentences
/// or words. Blanks at the cuts are dropped; a blank text has no parts.
#[must_use]
pub fn split(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (part, after) = cut(rest);
        let part = part.trim_end();
        if !part.is_empty() {
            parts.push(part.to_owned());
        }
        rest = after.trim_start();
    }
    parts
}

/// The first part of a text and the rest of it; the part is never empty.
fn cut(text: &str) -> (&str, &str) {
    let Some((end, _)) = text.char_indices().nth(limits::TEXT) else { return (text, "") };
    let window = text.get(..end).unwrap_or(text);
    let least = end / 2;
    let at = last_end(window, "\n\n", least)
        .or_else(|| last_end(window, "\n", least))
        .or_else(|| sentence_end(window, least))
        .or_else(|| {
            window.char_indices().filter(|(_, character)| character.is_whitespace()).map(|(at, _)| at).next_back()
        })
        .filter(|at| *at > 0)
        .unwrap_or_else(|| whole_character(text, window));
    text.split_at_checked(at).unwrap_or((text, ""))
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

/// The last place in the window that does not cut through one visible character.
fn whole_character(text: &str, window: &str) -> usize {
    let mut at = window.len();
    let mut tries = 0;
    // A chain of joined characters that never ends must be cut somewhere.
    while tries < 64 {
        let (Some(before), Some(after)) = (text.get(..at), text.get(at..)) else { break };
        let (Some(last), Some(next)) = (before.chars().next_back(), after.chars().next()) else { break };
        if !joined(before, last, next) {
            return at;
        }
        at -= last.len_utf8();
        tries += 1;
    }
    window.len()
}

/// Whether two neighbouring characters show as one.
fn joined(before: &str, last: char, next: char) -> bool {
    let flags = before.chars().rev().take_while(|character| is_flag_half(*character)).count();
    last == '\u{200d}' || extends(next) || (last == '\r' && next == '\n') || (is_flag_half(next) && flags % 2 == 1)
}

const fn is_flag_half(character: char) -> bool {
    matches!(character, '\u{1f1e6}'..='\u{1f1ff}')
}

/// Characters that attach to the one before: combining marks, variation selectors, skin tones, joiners, tags.
const fn extends(character: char) -> bool {
    matches!(character,
        '\u{0300}'..='\u{036f}' | '\u{0483}'..='\u{0489}' | '\u{0591}'..='\u{05bd}' | '\u{0610}'..='\u{061a}'
        | '\u{064b}'..='\u{065f}' | '\u{0900}'..='\u{0903}' | '\u{093a}'..='\u{094f}' | '\u{0e31}'
        | '\u{0e34}'..='\u{0e3a}' | '\u{0e47}'..='\u{0e4e}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{200d}' | '\u{20d0}'..='\u{20ff}' | '\u{3099}'..='\u{309a}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{fe20}'..='\u{fe2f}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}' | '\u{e0100}'..='\u{e01ef}')
}
