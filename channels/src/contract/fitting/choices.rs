//! Things to pick: as buttons, as a list, or as numbered lines that anybody can answer by typing.

use super::files::file;
use super::invalid;
use super::words::{joined, split, told};
use crate::contract::capabilities::{ButtonRule, Capabilities, ListRule, MediaKind, TextRule, Unit};
use crate::contract::content::{Button, Content, Header, Row, Section};
use crate::contract::failure::Failure;
use crate::contract::splitting;

/// The label of the button that opens a list made from buttons.
const OPENER: &str = "Options";

/// What stands around the choices.
pub(super) struct Frame<'a> {
    pub(super) text: &'a str,
    pub(super) header: Option<&'a Header>,
    pub(super) footer: Option<&'a String>,
}

impl Frame<'_> {
    /// The file above, as a message of its own.
    fn medium(&self, capabilities: &Capabilities) -> Result<Vec<Content>, Failure> {
        match self.header {
            Some(Header::Image(media)) => file(MediaKind::Image, media, capabilities),
            Some(Header::Video(media)) => file(MediaKind::Video, media, capabilities),
            Some(Header::Document(media)) => file(MediaKind::Document, media, capabilities),
            Some(Header::Text { .. }) | None => Ok(Vec::new()),
        }
    }

    fn has_medium(&self) -> bool {
        matches!(self.header, Some(Header::Image(_) | Header::Video(_) | Header::Document(_)))
    }

    fn line(&self) -> &str {
        match self.header {
            Some(Header::Text { text }) => text,
            _ => "",
        }
    }

    /// The frame in words, with lines below the text.
    pub(super) fn above(&self, lines: Vec<String>, capabilities: &Capabilities) -> Result<Vec<Content>, Failure> {
        let mut parts = self.medium(capabilities)?;
        let text = joined([self.line(), self.text]);
        parts.extend(told(&text, lines, self.footer.map_or("", String::as_str), capabilities)?);
        Ok(parts)
    }

    /// The frame in messages of which the last carries the choices: that one gets the end of the text.
    fn ending(
        &self,
        limit: usize,
        capabilities: &Capabilities,
        last: impl FnOnce(String, Option<Header>) -> Content,
        medium_within: bool,
    ) -> Result<Vec<Content>, Failure> {
        let short = self.text.chars().nth(limit).is_none();
        if short && (medium_within || !self.has_medium()) {
            return Ok(vec![last(self.text.to_owned(), self.header.cloned())]);
        }
        let mut parts = self.medium(capabilities)?;
        if short {
            parts.push(last(self.text.to_owned(), None));
            return Ok(parts);
        }
        let rule = TextRule { limit, unit: Unit::Characters };
        let mut texts = splitting::split(&joined([self.line(), self.text]), rule);
        let end = texts.pop().unwrap_or_default();
        parts.extend(texts.iter().flat_map(|text| split(text, capabilities, false)));
        parts.push(last(end, None));
        Ok(parts)
    }
}

/// Fits reply buttons: as they are, as a list, or as numbered lines.
pub(super) fn buttons(
    content: &Content,
    frame: &Frame<'_>,
    buttons: &[Button],
    capabilities: &Capabilities,
) -> Result<Vec<Content>, Failure> {
    let row = |button: &Button| Row { id: button.id.clone(), title: button.title.clone(), description: None };
    let sections = [Section { title: None, rows: buttons.iter().map(row).collect() }];
    check(&sections)?;
    if let Some(rule) = capabilities.buttons.filter(|rule| are_buttons(buttons, *rule)) {
        return as_buttons(Some(content), frame, buttons, rule, capabilities);
    }
    match capabilities.list.filter(|rule| is_list(&sections, *rule)) {
        Some(rule) => as_list(None, frame, OPENER, &sections, rule, capabilities),
        None => frame.above(lines(&sections), capabilities),
    }
}

/// Fits a list: as it is, as buttons where they say as much, or as numbered lines.
pub(super) fn list(
    content: &Content,
    frame: &Frame<'_>,
    sections: &[Section],
    capabilities: &Capabilities,
) -> Result<Vec<Content>, Failure> {
    check(sections)?;
    let opener = if let Content::List { button, .. } = content { button.as_str() } else { OPENER };
    if let Some(rule) = capabilities.list.filter(|rule| is_list(sections, *rule)) {
        return as_list(Some(content), frame, opener, sections, rule, capabilities);
    }
    let rows = || sections.iter().flat_map(|section| &section.rows);
    let bare = rows().all(|row| row.description.is_none()) && sections.iter().all(|section| section.title.is_none());
    let buttons: Vec<Button> = rows().map(|row| Button { id: row.id.clone(), title: row.title.clone() }).collect();
    match capabilities.buttons.filter(|rule| bare && are_buttons(&buttons, *rule)) {
        Some(rule) => as_buttons(None, frame, &buttons, rule, capabilities),
        None => frame.above(lines(sections), capabilities),
    }
}

/// Fits the question where the person is: without a button for it, it is a question like any other.
pub(super) fn location_request(
    content: &Content,
    text: &str,
    capabilities: &Capabilities,
) -> Result<Vec<Content>, Failure> {
    let Some(rule) = capabilities.buttons.filter(|_| capabilities.location) else {
        return told(text, Vec::new(), "", capabilities);
    };
    if text.trim().is_empty() {
        return Err(invalid("text must not be empty."));
    }
    if text.chars().nth(rule.text_limit).is_none() {
        return Ok(vec![content.clone()]);
    }
    let frame = Frame { text, header: None, footer: None };
    frame.ending(rule.text_limit, capabilities, |text, _| Content::LocationRequest { text }, true)
}

fn as_buttons(
    unchanged: Option<&Content>,
    frame: &Frame<'_>,
    buttons: &[Button],
    rule: ButtonRule,
    capabilities: &Capabilities,
) -> Result<Vec<Content>, Failure> {
    if let Some(content) = unchanged.filter(|_| frame.text.chars().nth(rule.text_limit).is_none()) {
        return Ok(vec![content.clone()]);
    }
    let (buttons, footer) = (buttons.to_vec(), frame.footer.cloned());
    frame.ending(rule.text_limit, capabilities, |text, header| Content::Buttons { text, buttons, header, footer }, true)
}

fn as_list(
    unchanged: Option<&Content>,
    frame: &Frame<'_>,
    opener: &str,
    sections: &[Section],
    rule: ListRule,
    capabilities: &Capabilities,
) -> Result<Vec<Content>, Failure> {
    let short = frame.text.chars().nth(rule.text_limit).is_none();
    if let Some(content) = unchanged.filter(|_| short && !frame.has_medium()) {
        return Ok(vec![content.clone()]);
    }
    let (button, sections, footer) = (opener.to_owned(), sections.to_vec(), frame.footer.cloned());
    // Above a list stands a line or nothing.
    frame.ending(
        rule.text_limit,
        capabilities,
        |text, header| Content::List { text, button, sections, header, footer },
        false,
    )
}

/// Refuses choices that say nothing: none of them could be picked.
fn check(sections: &[Section]) -> Result<(), Failure> {
    let mut rows = sections.iter().flat_map(|section| &section.rows).peekable();
    if rows.peek().is_none() {
        return Err(invalid("buttons or rows must not be empty."));
    }
    if rows.any(|row| row.title.trim().is_empty()) {
        return Err(invalid("title must not be empty."));
    }
    Ok(())
}

fn within(text: &str, limit: usize) -> bool {
    text.chars().nth(limit).is_none()
}

fn are_buttons(buttons: &[Button], rule: ButtonRule) -> bool {
    buttons.len() <= rule.most && buttons.iter().all(|button| within(&button.title, rule.title_limit))
}

fn is_list(sections: &[Section], rule: ListRule) -> bool {
    let rows = || sections.iter().flat_map(|section| &section.rows);
    let described = |row: &Row| row.description.as_deref().is_none_or(|words| within(words, rule.description_limit));
    let titled = |section: &Section| section.title.as_deref().is_none_or(|title| within(title, rule.title_limit));
    rows().count() <= rule.most
        && rows().all(|row| within(&row.title, rule.title_limit) && described(row))
        && sections.iter().all(titled)
}

/// The choices as lines: numbered over all sections, each section below its heading.
fn lines(sections: &[Section]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut number = 0;
    for section in sections {
        let heading = section.title.as_deref().map(str::trim).filter(|title| !title.is_empty());
        lines.extend(heading.map(str::to_owned));
        for row in &section.rows {
            number += 1;
            let title = row.title.trim();
            lines.push(match row.description.as_deref().map(str::trim).filter(|words| !words.is_empty()) {
                Some(description) => format!("{number}. {title} ({description})"),
                None => format!("{number}. {title}"),
            });
        }
    }
    lines
}
