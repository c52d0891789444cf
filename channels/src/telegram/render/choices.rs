//! Things to pick, as buttons below a message: a press comes back with the id.

use serde_json::{Value, json};

use super::content::{file, picture, text};
use super::{CAPABILITIES, Call};
use crate::contract::content::{Button, Content, Header, Section};
use crate::contract::failure::Failure;
use crate::meta::limits::{self, invalid};
use crate::telegram::{LONGEST_CHOICE_ID, LONGEST_TITLE};

/// Renders buttons, lists and links. A list has no form of its own here: its rows are buttons, and what they say beside
/// their labels stands in the text.
pub(super) fn render(content: &Content) -> Result<Call, Failure> {
    match content {
        Content::Buttons { text, buttons, header, footer } => {
            framed(header.as_ref(), text, Vec::new(), footer.as_deref(), self::buttons(buttons)?)
        }
        Content::List { text, sections, header, footer, .. } => {
            framed(header.as_ref(), text, described(sections), footer.as_deref(), rows(sections)?)
        }
        Content::Link { text, label, url, header, footer } => {
            framed(header.as_ref(), text, Vec::new(), footer.as_deref(), link(label, url)?)
        }
        other => Err(invalid("type", &format!("must be another: {} offers no choice", other.kind()))),
    }
}

/// A button that opens a page.
pub(super) fn link(label: &str, url: &str) -> Result<Value, Failure> {
    limits::text("label", label, LONGEST_TITLE)?;
    limits::web("url", url)?;
    Ok(json!({ "inline_keyboard": [[{ "text": label, "url": url }]] }))
}

fn buttons(buttons: &[Button]) -> Result<Value, Failure> {
    keyboard(
        buttons
            .iter()
            .map(|button| (button.id.as_str(), button.title.as_str()))
            .enumerate()
            .map(|(index, (id, title))| (format!("buttons[{index}]"), id, title)),
        CAPABILITIES.buttons.map_or(0, |rule| rule.most),
    )
}

fn rows(sections: &[Section]) -> Result<Value, Failure> {
    let rows =
        sections.iter().enumerate().flat_map(|(place, section)| {
            section.rows.iter().enumerate().map(move |(index, row)| {
                (format!("sections[{place}].rows[{index}]"), row.id.as_str(), row.title.as_str())
            })
        });
    keyboard(rows, CAPABILITIES.list.map_or(0, |rule| rule.most))
}

/// One button a line, so that every label can be read.
fn keyboard<'a>(
    choices: impl Iterator<Item = (String, &'a str, &'a str)> + Clone,
    most: usize,
) -> Result<Value, Failure> {
    limits::choices(choices.clone(), LONGEST_TITLE, LONGEST_CHOICE_ID)?;
    let count = choices.clone().count();
    if count > most {
        return Err(invalid("buttons or rows", &format!("must be at most {most}")));
    }
    let lines: Vec<Value> = choices.map(|(_, id, title)| json!([{ "text": title, "callback_data": id }])).collect();
    Ok(json!({ "inline_keyboard": lines }))
}

/// Headings, and the second lines of rows.
fn described(sections: &[Section]) -> Vec<String> {
    let words = |words: Option<&String>| words.map(|words| words.trim().to_owned()).filter(|words| !words.is_empty());
    let mut lines = Vec::new();
    for section in sections {
        lines.extend(words(section.title.as_ref()));
        for row in &section.rows {
            lines.extend(words(row.description.as_ref()).map(|second| format!("{}: {second}", row.title.trim())));
        }
    }
    lines
}

fn framed(
    header: Option<&Header>,
    body: &str,
    lines: Vec<String>,
    footer: Option<&str>,
    keyboard: Value,
) -> Result<Call, Failure> {
    let line = if let Some(Header::Text { text }) = header { text.as_str() } else { "" };
    let lines = lines.join("\n");
    let parts = [line, body, &lines, footer.unwrap_or_default()].map(str::trim);
    let whole = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n");
    let captioned = |media: &crate::contract::content::Media| {
        let mut media = media.clone();
        media.caption = Some(whole.clone());
        media
    };
    limits::within("text", &whole, CAPABILITIES.text)?;
    let call = match header {
        Some(Header::Image(media)) => picture(&captioned(media))?,
        Some(Header::Video(media)) => file("sendVideo", "video", &captioned(media), true)?,
        Some(Header::Document(media)) => file("sendDocument", "document", &captioned(media), true)?,
        Some(Header::Text { .. }) | None => text(&whole)?.with("link_preview_options", json!({ "is_disabled": true })),
    };
    Ok(call.with("reply_markup", keyboard))
}
