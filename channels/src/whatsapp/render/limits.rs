//! WhatsApp's limits; lengths are counted in characters.

pub(super) use crate::meta::limits::{choices, distinct, fits, invalid, short, text, web};

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
