//! What is shown: lines, file names and links as they may be taken over from a stranger. It keys nothing by them.

use crate::contract::content::Content;
use crate::meta::{Raw, text};

/// Longest file name, in characters.
const LONGEST_FILENAME: usize = 240;
/// Longest link that is taken over, in bytes.
const LONGEST_URL: usize = 4_096;

/// Characters that show nothing but reorder or hide what stands around them.
const fn is_direction(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A line for display: no control or direction characters, trimmed, cut; nothing when nothing is left.
pub(crate) fn clean(text: &str, longest: usize) -> Option<String> {
    let shown = text.trim().chars().filter(|character| !character.is_control() && !is_direction(*character));
    let line: String = shown.take(longest).collect();
    let line = line.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

/// Reads a line for display.
pub(crate) fn line(raw: Raw<'_>, longest: usize) -> Option<String> {
    clean(&text(raw)?, longest)
}

/// Reads a web address.
pub(crate) fn link(raw: Raw<'_>) -> Option<String> {
    let text = text(raw)?;
    let web = text.starts_with("https://") || text.starts_with("http://");
    (web && text.len() <= LONGEST_URL && !text.chars().any(char::is_control)).then(|| text.into_owned())
}

/// The last part of a path, without anything that hides its true ending.
pub(crate) fn filename(text: &str) -> Option<String> {
    let last = text.rsplit(['/', '\\']).next()?;
    let marks = |character: &char| !matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{feff}');
    let shown: String = last.chars().filter(marks).collect();
    clean(&shown, LONGEST_FILENAME).filter(|name| !name.bytes().all(|byte| byte == b'.'))
}

/// Whether an id can stand in a path as it is: anything else might name another node of the vendor's graph.
pub(crate) fn is_node(id: &str) -> bool {
    (1..=256).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// What a person picked. One of id and label stands in for the other: either alone still says what was picked.
pub(crate) fn choice(id: Option<String>, title: Option<String>, description: Option<String>) -> Option<Content> {
    let (id, title) = match (id, title) {
        (Some(id), Some(title)) => (id, title),
        (Some(only), None) | (None, Some(only)) => (only.clone(), only),
        (None, None) => return None,
    };
    Some(Content::Choice { id, title, description })
}
