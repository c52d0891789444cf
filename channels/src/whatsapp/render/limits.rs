//! The vendor's limits as checks that name the field; lengths are counted in characters.

use crate::contract::failure::Failure;

/// A text message, and the text above a list.
pub(super) const TEXT: usize = 4_096;
/// A caption, and the text above buttons.
pub(super) const CAPTION: usize = 1_024;
/// A line above or below an interactive message.
pub(super) const LINE: usize = 60;
/// The label of a button.
pub(super) const BUTTON: usize = 20;
/// The label of a row, and the heading of a section.
pub(super) const ROW: usize = 24;
/// A row's second line.
pub(super) const DESCRIPTION: usize = 72;
/// The id of a button.
pub(super) const BUTTON_ID: usize = 256;
/// The id of a row.
pub(super) const ROW_ID: usize = 200;
/// Reply buttons in a message.
pub(super) const BUTTONS: usize = 3;
/// Rows in a list, over all its sections.
pub(super) const ROWS: usize = 10;
/// Contact cards in a message.
pub(super) const CARDS: usize = 257;

/// Whether a text is at most so long.
pub(super) fn fits(text: &str, longest: usize) -> bool {
    // Bytes are never fewer than characters, so short texts need no count.
    text.len() <= longest || text.chars().count() <= longest
}

/// A refusal that names the field.
pub(super) fn invalid(field: &str, problem: &str) -> Failure {
    Failure::content("INVALID_CONTENT", format!("{field} {problem}."))
}

/// Refuses a text that is blank or too long.
pub(super) fn text(field: &str, text: &str, longest: usize) -> Result<(), Failure> {
    if text.trim().is_empty() {
        return Err(invalid(field, "must not be empty"));
    }
    short(field, text, longest)
}

/// Refuses a text that is too long.
pub(super) fn short(field: &str, text: &str, longest: usize) -> Result<(), Failure> {
    if fits(text, longest) {
        return Ok(());
    }
    let message = format!("{field} has more than {longest} characters, the most that WhatsApp carries.");
    Err(Failure::content("MESSAGE_TOO_LONG", message))
}

/// Refuses an address that is not of the web.
pub(super) fn web(field: &str, address: &str) -> Result<(), Failure> {
    let sound = url::Url::parse(address).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    if sound { Ok(()) } else { Err(invalid(field, "must be an http or https address")) }
}
