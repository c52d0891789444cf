//! Things to pick. What fits becomes quick replies, buttons or cards, else a numbered text; nothing that was offered is
//! lost.

use serde_json::{Map, Value, json};

use super::content::{attachment, text};
use crate::contract::content::{Button, Header, Row, Section};
use crate::contract::failure::Failure;
use crate::contract::plain::{framed, numbered};
use crate::meta::limits::{self, fits, invalid};
use crate::meta::messaging::Product;

/// Quick replies of a message.
const QUICK_REPLIES: usize = 13;
/// The label of a button or quick reply.
const LABEL: usize = 20;
/// What comes back from a button or quick reply.
const PAYLOAD: usize = 1_000;
/// The text above buttons.
const ABOVE_BUTTONS: usize = 640;
/// Buttons below a text.
const BUTTONS: usize = 3;
/// Cards of a message.
const CARDS: usize = 10;
/// A line of a card.
const CARD_LINE: usize = 80;
/// A label in a numbered text.
const LONGEST_LABEL: usize = 1_000;

/// What stands around the choices.
pub(super) struct Frame<'a> {
    pub(super) product: &'a Product,
    pub(super) text: &'a str,
    pub(super) header: Option<&'a Header>,
    pub(super) footer: Option<&'a str>,
}

impl Frame<'_> {
    /// The text with what stands around it: here all of it is text.
    fn whole(&self, below: &str) -> Result<String, Failure> {
        limits::within("text", self.text, self.product.capabilities.text)?;
        if matches!(self.header, Some(Header::Image(_) | Header::Video(_) | Header::Document(_))) {
            return Err(invalid("header", "must be text: no file can stand above choices here"));
        }
        Ok(framed(self.header, self.text, below, self.footer))
    }
}

/// Renders reply buttons.
pub(super) fn buttons(frame: &Frame<'_>, buttons: &[Button]) -> Result<Map<String, Value>, Failure> {
    let offered = buttons.iter().enumerate();
    limits::choices(
        offered.map(|(index, button)| (format!("buttons[{index}]"), button.id.as_str(), button.title.as_str())),
        LONGEST_LABEL,
        PAYLOAD,
    )?;
    let picks: Vec<(&str, &str)> = buttons.iter().map(|button| (button.id.as_str(), button.title.as_str())).collect();
    if are_short(&picks) && picks.len() <= QUICK_REPLIES {
        return quick_replies(frame, &picks);
    }
    text(frame.product, &frame.whole(&numbered(picks.iter().map(|(_, title)| (*title).to_owned())))?)
}

/// Renders a list: with second lines as cards, else as buttons below the text, or as quick replies.
pub(super) fn list(frame: &Frame<'_>, opener: &str, sections: &[Section]) -> Result<Map<String, Value>, Failure> {
    limits::text("button", opener, LONGEST_LABEL)?;
    let offered = sections.iter().enumerate().flat_map(|(index, section)| {
        let field = move |row| format!("sections[{index}].rows[{row}]");
        section.rows.iter().enumerate().map(move |(at, row)| (field(at), row.id.as_str(), row.title.as_str()))
    });
    limits::choices(offered, LONGEST_LABEL, PAYLOAD)?;
    let rows: Vec<&Row> = sections.iter().flat_map(|section| &section.rows).collect();
    let picks: Vec<(&str, &str)> = rows.iter().map(|row| (row.id.as_str(), row.title.as_str())).collect();
    let whole = frame.whole("")?;
    if are_short(&picks) {
        let has_lines = rows.iter().any(|row| row.description.is_some());
        if has_lines && rows.len() < CARDS && fits(&whole, CARD_LINE) && rows.iter().all(|row| line_fits(row)) {
            return Ok(cards(&whole, &rows));
        }
        if !has_lines && rows.len() <= BUTTONS && fits(&whole, ABOVE_BUTTONS) {
            return Ok(button_template(&whole, picks.iter().map(|(id, title)| postback(id, title)).collect()));
        }
        if !has_lines && rows.len() <= QUICK_REPLIES {
            return quick_replies(frame, &picks);
        }
    }
    let label = |row: &&Row| match &row.description {
        Some(description) => format!("{} ({description})", row.title),
        None => row.title.clone(),
    };
    text(frame.product, &frame.whole(&numbered(rows.iter().map(label)))?)
}

/// Renders a button that opens an address.
pub(super) fn link(frame: &Frame<'_>, label: &str, url: &str) -> Result<Map<String, Value>, Failure> {
    limits::text("label", label, LONGEST_LABEL)?;
    limits::web("url", url)?;
    let whole = frame.whole("")?;
    if fits(label, LABEL) && fits(&whole, ABOVE_BUTTONS) {
        return Ok(button_template(&whole, vec![json!({ "type": "web_url", "url": url, "title": label })]));
    }
    text(frame.product, &frame.whole(&format!("{label}: {url}"))?)
}

/// Whether labels fit on buttons and can be told apart there.
fn are_short(picks: &[(&str, &str)]) -> bool {
    picks.iter().all(|(_, title)| fits(title, LABEL)) && limits::distinct(picks.iter().map(|(_, title)| *title))
}

fn line_fits(row: &Row) -> bool {
    row.description.as_deref().is_none_or(|description| fits(description, CARD_LINE))
}

fn quick_replies(frame: &Frame<'_>, picks: &[(&str, &str)]) -> Result<Map<String, Value>, Failure> {
    let mut message = text(frame.product, &frame.whole("")?)?;
    let reply = |(id, title): &(&str, &str)| json!({ "content_type": "text", "title": title, "payload": id });
    message.insert("quick_replies".to_owned(), picks.iter().map(reply).collect());
    Ok(message)
}

fn postback(id: &str, title: &str) -> Value {
    json!({ "type": "postback", "title": title, "payload": id })
}

fn button_template(text: &str, buttons: Vec<Value>) -> Map<String, Value> {
    attachment("template", json!({ "template_type": "button", "text": text, "buttons": buttons }))
}

/// Cards have no text above them, so the first card says it.
fn cards(text: &str, rows: &[&Row]) -> Map<String, Value> {
    let card = |row: &&Row| {
        let buttons = [postback(&row.id, &row.title)];
        match &row.description {
            Some(description) => json!({ "title": row.title, "subtitle": description, "buttons": buttons }),
            None => json!({ "title": row.title, "buttons": buttons }),
        }
    };
    let cards: Vec<Value> = [json!({ "title": text })].into_iter().chain(rows.iter().map(card)).collect();
    attachment("template", json!({ "template_type": "generic", "elements": cards }))
}
