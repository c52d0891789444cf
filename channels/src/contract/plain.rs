//! Content in words: what a model, a list of conversations or a search index reads. It never renders for a vendor.

use serde_json::Value;

use super::content::{Content, Header, Media, Section, Template};

impl Content {
    /// The content as plain text: text and captions as they are, everything else described. Never empty.
    #[must_use]
    pub fn plain(&self) -> String {
        let plain = match self {
            Self::Text { text, .. } => text.clone(),
            Self::Image(media)
            | Self::Video(media)
            | Self::Audio(media)
            | Self::Document(media)
            | Self::Sticker(media) => file(self.kind(), media),
            Self::Location(place) => {
                let mut words = vec![format!("[location] {}, {}", place.latitude, place.longitude)];
                words.extend([&place.name, &place.address].into_iter().flatten().cloned());
                words.join(", ")
            }
            Self::LocationRequest { text } => format!("{text}\n[asks for a location]"),
            Self::Contacts { contacts } => listed("[contacts]", contacts.iter().filter_map(card)),
            Self::Reaction { emoji, .. } => emoji.clone().unwrap_or_else(|| "[reaction taken back]".to_owned()),
            Self::Choice { title, .. } => title.clone(),
            Self::Buttons { text, buttons, header, footer } => {
                let labels = buttons.iter().map(|button| button.title.clone());
                framed(header.as_ref(), text, &numbered(labels), footer.as_deref())
            }
            Self::List { text, sections, header, footer, .. } => {
                framed(header.as_ref(), text, &numbered(rows(sections)), footer.as_deref())
            }
            Self::Link { text, label, url, header, footer } => {
                framed(header.as_ref(), text, &format!("{label}: {url}"), footer.as_deref())
            }
            Self::Template(template) => listed(&format!("[template] {}", template.name), parameters(template)),
            Self::Email(mail) => {
                let names = mail.attachments.iter().filter_map(|file| file.filename.as_deref());
                let files: String = names.map(|name| format!("\n[document] {name}")).collect();
                format!("{}{files}", mail.text)
            }
            Self::Multipart { parts } => parts.iter().map(Self::plain).collect::<Vec<_>>().join("\n"),
            Self::Form { name, text, response } => format!("[form] {name}: {text} {}", answers(response)),
            Self::Order { text, items, .. } => {
                let note = text.as_deref().unwrap_or_default();
                format!("[order] {} {note}", counted(items.len()))
            }
            Self::System { text, .. } => text.clone(),
            Self::Unsupported { kind: Some(kind), .. } => format!("[unsupported message: {kind}]"),
            Self::Unsupported { kind: None, .. } => "[unsupported message]".to_owned(),
        };
        if plain.trim().is_empty() { format!("[{}]", self.kind()) } else { plain.trim().to_owned() }
    }
}

fn file(kind: &str, media: &Media) -> String {
    let kind = if media.voice { "voice note" } else { kind };
    let words = [&media.filename, &media.caption].into_iter().flatten().cloned();
    listed(&format!("[{kind}]"), words)
}

fn listed(first: &str, rest: impl Iterator<Item = String>) -> String {
    let rest: Vec<String> = rest.collect();
    format!("{first} {}", rest.join(", "))
}

fn card(contact: &Value) -> Option<String> {
    let words = |pointer: &str| contact.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    words("/name/formatted_name").or_else(|| words("/phones/0/phone")).or_else(|| words("/emails/0/email"))
}

fn rows(sections: &[Section]) -> impl Iterator<Item = String> + '_ {
    sections.iter().flat_map(|section| &section.rows).map(|row| match &row.description {
        Some(description) => format!("{} ({description})", row.title),
        None => row.title.clone(),
    })
}

/// Labels with their numbers, one a line.
pub(crate) fn numbered(labels: impl Iterator<Item = String>) -> String {
    let lines: Vec<String> = labels.enumerate().map(|(index, label)| format!("{}. {label}", index + 1)).collect();
    lines.join("\n")
}

/// A text between its header and footer, with what can be picked below it.
pub(crate) fn framed(header: Option<&Header>, text: &str, below: &str, footer: Option<&str>) -> String {
    let head = match header {
        Some(Header::Text { text }) => text.clone(),
        Some(Header::Image(media)) => file("image", media),
        Some(Header::Video(media)) => file("video", media),
        Some(Header::Document(media)) => file("document", media),
        None => String::new(),
    };
    let parts = [head.trim(), text.trim(), below.trim(), footer.unwrap_or_default().trim()];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n\n")
}

fn parameters(template: &Template) -> impl Iterator<Item = String> + '_ {
    let lists = template.components.iter().filter_map(|component| component.get("parameters")?.as_array());
    lists.flatten().filter_map(|parameter| {
        let words = ["/text", "/payload", "/coupon_code", "/currency/fallback_value", "/date_time/fallback_value"];
        words.iter().find_map(|pointer| parameter.pointer(pointer)?.as_str()).map(str::to_owned)
    })
}

fn answers(response: &Value) -> String {
    match response {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn counted(items: usize) -> String {
    if items == 1 { "1 item".to_owned() } else { format!("{items} items") }
}
