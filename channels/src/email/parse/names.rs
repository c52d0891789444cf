//! Small texts of a mail made safe to keep: names, addresses, ids, file names, single lines. It knows no provider.

use std::sync::LazyLock;

use regex::Regex;

use crate::email::is_address;

/// Longest id of a message, in bytes.
const LONGEST_ID: usize = 512;
/// Longest name of a person, in characters.
const LONGEST_NAME: usize = 256;
/// Longest name of a file, in characters.
const LONGEST_FILENAME: usize = 240;
/// Longest subject and header line that is kept, in characters.
const LONGEST_LINE: usize = 998;
/// Most ids that are read out of one header.
const MOST_IDS: usize = 1_000;

/// A pattern that is part of the program.
#[expect(clippy::expect_used, reason = "the patterns are constants; a wrong one fails the first test that meets it")]
pub(in crate::email) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern")
}

/// A header's value without the line ends within it.
pub(super) fn unfolded(value: &str) -> String {
    let joined: String = value.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    joined.trim().to_owned()
}

/// One line: control and direction characters removed, blanks collapsed, cut to a header's length. Joiners stay: emoji,
/// Persian and the scripts of India are written with them.
pub(super) fn line(text: &str) -> String {
    let spaced: String = text
        .chars()
        .filter(|character| !turns(*character) || matches!(character, '\u{200c}' | '\u{200d}'))
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect();
    let words: Vec<&str> = spaced.split_whitespace().collect();
    words.join(" ").chars().take(LONGEST_LINE).collect()
}

/// A person's name; none if nothing is left of it.
pub(super) fn display(name: &str) -> Option<String> {
    let name: String = unquoted(&line(name)).chars().take(LONGEST_NAME).collect();
    (!name.is_empty()).then_some(name)
}

/// The text without the quotation marks around all of it; those around one of its words belong to the name.
fn unquoted(text: &str) -> &str {
    let inner = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote).filter(|inner| !inner.contains(quote));
    match inner('"').or_else(|| inner('\'')) {
        Some(inner) => unquoted(inner.trim()),
        None => text,
    }
}

/// An address, if it is one.
pub(super) fn address(text: &str) -> Option<String> {
    let text = text.trim_matches(['<', '>', ' ']);
    is_address(text).then(|| text.to_owned())
}

/// A file's name without folders, control and direction characters and leading dots.
pub(super) fn filename(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let kept: String = last.chars().filter(|character| !character.is_control() && !turns(*character)).collect();
    let kept: String = kept.trim().trim_start_matches('.').chars().take(LONGEST_FILENAME).collect();
    (!kept.trim().is_empty()).then_some(kept)
}

/// A label of a file's type in lower case, without parameters; empty when it is none.
pub(super) fn mime_type(label: Option<&str>) -> String {
    let kind = label.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let sound = kind.len() <= 127 && kind.contains('/') && kind.bytes().all(|byte| byte.is_ascii_graphic());
    if sound { kind } else { String::new() }
}

/// Characters that turn the reading direction or are not seen: a file could seem to be another.
const fn turns(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The message ids in a header's value, in order, without brackets; what has no brackets counts when it looks like one.
pub(super) fn ids(value: &str) -> Vec<String> {
    static BRACKETED: LazyLock<Regex> = LazyLock::new(|| pattern(r"<\s*([^<>\s]+)\s*>"));
    let found: Vec<String> = BRACKETED
        .captures_iter(value)
        .take(MOST_IDS)
        .filter_map(|found| found.get(1))
        .map(|id| id.as_str().to_owned())
        .filter(|id| is_id(id))
        .collect();
    if !found.is_empty() {
        return found;
    }
    let words = value.split(|character: char| character.is_whitespace() || ",;\"".contains(character));
    let words = words.map(|word| word.trim_matches(['<', '>', '(', ')', '\'']));
    words.filter(|word| word.contains('@') && is_id(word)).take(MOST_IDS).map(str::to_owned).collect()
}

fn is_id(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= LONGEST_ID
        && !id.chars().any(|character| character.is_control() || character.is_whitespace())
}

/// At most so many bytes.
pub(super) fn bounded(bytes: &[u8], most: usize) -> &[u8] {
    bytes.get(..most).unwrap_or(bytes)
}

/// At most so many bytes, whole characters.
pub(super) fn cut(text: &str, most: usize) -> String {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text).to_owned()
}
