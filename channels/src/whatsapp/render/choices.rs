//! Things to pick. What fits becomes buttons, else a list, else a numbered text; nothing that was offered is lost.

use serde_json::{Map, Value, json};

use super::content::{Rendered, source};
use super::limits::{self, fits, invalid};
use crate::contract::content::{Button, Header, Row, Section};
use crate::contract::failure::Failure;
use crate::contract::plain::{framed, numbered};

/// The label of the button that opens a list made from buttons.
const OPENER: &str = "Options";

/// What stands around the choices.
pub(super) struct Frame<'a> {
    pub(super) text: &'a str,
    pub(super) header: Option<&'a Header>,
    pub(super) footer: Option<&'a str>,
}

impl Frame<'_> {
    /// Whether the frame is short enough for an interactive message with so long a text.
    fn fits(&self, text: usize) -> bool {
        let header = match self.header {
            Some(Header::Text { text }) => fits(text, limits::LINE),
            _ => true,
        };
        header && fits(self.text, text) && self.footer.is_none_or(|footer| fits(footer, limits::LINE))
    }

    fn has_medium(&self) -> bool {
        matches!(self.header, Some(Header::Image(_) | Header::Video(_) | Header::Document(_)))
    }

    fn interactive(&self, kind: &str, action: Value) -> Result<Rendered, Failure> {
        let mut object = Map::new();
        object.insert("type".to_owned(), json!(kind));
        if let Some(header) = self.header {
            object.insert("header".to_owned(), head(header)?);
        }
        object.insert("body".to_owned(), json!({ "text": self.text }));
        if let Some(footer) = self.footer.filter(|footer| !footer.is_empty()) {
            object.insert("footer".to_owned(), json!({ "text": footer }));
        }
        object.insert("action".to_owned(), action);
        Ok(Rendered::new("interactive", Value::Object(object)))
    }

    /// The last resort: a text that anybody can answer by typing.
    fn as_text(&self, below: &str) -> Result<Rendered, Failure> {
        self.no_medium()?;
        Rendered::text(&framed(self.header, self.text, below, self.footer), false)
    }

    fn no_medium(&self) -> Result<(), Failure> {
        if self.has_medium() {
            return Err(invalid("header", "must be text: with these choices no file can stand above"));
        }
        Ok(())
    }
}

fn head(header: &Header) -> Result<Value, Failure> {
    let (kind, media) = match header {
        Header::Text { text } => {
            limits::text("header.text", text, limits::LINE)?;
            return Ok(json!({ "type": "text", "text": text }));
        }
        Header::Image(media) => ("image", media),
        Header::Video(media) => ("video", media),
        Header::Document(media) => ("document", media),
    };
    let mut object = source(media, "header.")?;
    if let (Header::Document(_), Some(filename)) = (header, &media.filename) {
        object.insert("filename".to_owned(), json!(filename));
    }
    let mut head = Map::new();
    head.insert("type".to_owned(), json!(kind));
    head.insert(kind.to_owned(), Value::Object(object));
    Ok(Value::Object(head))
}

/// Renders reply buttons.
pub(super) fn buttons(frame: &Frame<'_>, buttons: &[Button], group: bool) -> Result<Rendered, Failure> {
    limits::text("text", frame.text, limits::TEXT)?;
    let offered = buttons.iter().enumerate();
    limits::choices(
        offered.map(|(index, button)| (format!("buttons[{index}]"), button.id.as_str(), button.title.as_str())),
        limits::TEXT,
        limits::BUTTON_ID,
    )?;
    let short = buttons.len() <= limits::BUTTONS
        && buttons.iter().all(|button| fits(&button.title, limits::BUTTON))
        && limits::distinct(buttons.iter().map(|button| button.title.as_str()));
    if short && !group && frame.fits(limits::CAPTION) {
        let reply = |button: &Button| json!({ "type": "reply", "reply": { "id": button.id, "title": button.title } });
        let replies: Vec<Value> = buttons.iter().map(reply).collect();
        return frame.interactive("button", json!({ "buttons": replies }));
    }
    let row = |button: &Button| Row { id: button.id.clone(), title: button.title.clone(), description: None };
    let sections = [Section { title: None, rows: buttons.iter().map(row).collect() }];
    list_or_text(frame, OPENER, &sections, group)
}

/// Renders a list.
pub(super) fn list(frame: &Frame<'_>, opener: &str, sections: &[Section], group: bool) -> Result<Rendered, Failure> {
    limits::text("text", frame.text, limits::TEXT)?;
    limits::text("button", opener, limits::TEXT)?;
    let offered = sections.iter().enumerate().flat_map(|(index, section)| {
        let field = move |row| format!("sections[{index}].rows[{row}]");
        section.rows.iter().enumerate().map(move |(at, row)| (field(at), row.id.as_str(), row.title.as_str()))
    });
    limits::choices(offered, limits::TEXT, limits::BUTTON_ID)?;
    if sections.len() > 1 {
        for (index, section) in sections.iter().enumerate() {
            let title = section.title.as_deref().unwrap_or_default();
            limits::text(&format!("sections[{index}].title"), title, limits::TEXT)?;
        }
    }
    list_or_text(frame, opener, sections, group)
}

fn list_or_text(frame: &Frame<'_>, opener: &str, sections: &[Section], group: bool) -> Result<Rendered, Failure> {
    let row_fits = |row: &Row| {
        fits(&row.id, limits::ROW_ID)
            && fits(&row.title, limits::ROW)
            && row.description.as_deref().is_none_or(|words| fits(words, limits::DESCRIPTION))
    };
    let section_fits = |section: &Section| {
        section.title.as_deref().is_none_or(|title| fits(title, limits::ROW)) && !section.rows.is_empty()
    };
    let rows: Vec<&Row> = sections.iter().flat_map(|section| &section.rows).collect();
    let short = rows.len() <= limits::ROWS
        && rows.iter().all(|row| row_fits(row))
        && sections.iter().all(section_fits)
        && fits(opener, limits::BUTTON);
    if short && !group && frame.fits(limits::TEXT) {
        frame.no_medium()?;
        let sections: Vec<Value> = sections.iter().map(section).collect();
        return frame.interactive("list", json!({ "button": opener, "sections": sections }));
    }
    let label = |row: &&Row| match &row.description {
        Some(description) => format!("{} ({description})", row.title),
        None => row.title.clone(),
    };
    frame.as_text(&numbered(rows.iter().map(label)))
}

fn section(section: &Section) -> Value {
    let row = |row: &Row| {
        let mut object = json!({ "id": row.id, "title": row.title });
        if let (Some(description), Some(members)) = (&row.description, object.as_object_mut()) {
            members.insert("description".to_owned(), json!(description));
        }
        object
    };
    let rows: Vec<Value> = section.rows.iter().map(row).collect();
    match &section.title {
        Some(title) => json!({ "title": title, "rows": rows }),
        None => json!({ "rows": rows }),
    }
}

/// Renders a button that opens an address.
pub(super) fn link(frame: &Frame<'_>, label: &str, url: &str, group: bool) -> Result<Rendered, Failure> {
    limits::text("text", frame.text, limits::TEXT)?;
    limits::text("label", label, limits::TEXT)?;
    limits::web("url", url)?;
    if !group && fits(label, limits::BUTTON) && frame.fits(limits::CAPTION) {
        let action = json!({ "name": "cta_url", "parameters": { "display_text": label, "url": url } });
        return frame.interactive("cta_url", action);
    }
    frame.as_text(&format!("{label}: {url}"))
}

/// Renders the question where the person is.
pub(super) fn location_request(text: &str) -> Result<Rendered, Failure> {
    limits::text("text", text, limits::CAPTION)?;
    let frame = Frame { text, header: None, footer: None };
    frame.interactive("location_request_message", json!({ "name": "send_location" }))
}
