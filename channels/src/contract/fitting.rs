//! Content in the best form that a channel carries: what fits goes as it is, the rest in simpler forms and in several
//! messages. Nothing that was said or offered is lost; it knows no vendor.

mod choices;
mod files;
mod words;

use super::capabilities::{Capabilities, MediaBy, MediaKind};
use super::content::{Button, Content, Email, Row};
use super::failure::Failure;
use files::file;
use words::{card, place, told};

/// Fits content to what a channel carries: one message or several, in the order in which they are to be sent. Content
/// that fits comes back unchanged as the only element; the list is never empty.
///
/// # Errors
/// `INVALID_CONTENT` for what no form of this channel carries, and for content that says nothing.
pub fn fit(content: &Content, capabilities: &Capabilities) -> Result<Vec<Content>, Failure> {
    let unchanged = || Ok(vec![content.clone()]);
    match content {
        Content::Text { text, .. } if text.trim().is_empty() => Err(invalid("text must not be empty.")),
        Content::Text { text, .. } if capabilities.text.fits(text) => unchanged(),
        Content::Text { text, preview_url } => Ok(words::split(text, capabilities, *preview_url)),
        Content::Image(media) => file(MediaKind::Image, media, capabilities),
        Content::Video(media) => file(MediaKind::Video, media, capabilities),
        Content::Audio(media) => file(MediaKind::Audio, media, capabilities),
        Content::Document(media) => file(MediaKind::Document, media, capabilities),
        Content::Sticker(media) => file(MediaKind::Sticker, media, capabilities),
        Content::Buttons { text, buttons, header, footer } => {
            let frame = choices::Frame { text, header: header.as_ref(), footer: footer.as_ref() };
            choices::buttons(content, &frame, buttons, capabilities)
        }
        Content::List { text, sections, header, footer, .. } => {
            let frame = choices::Frame { text, header: header.as_ref(), footer: footer.as_ref() };
            choices::list(content, &frame, sections, capabilities)
        }
        Content::Link { .. } if capabilities.link_buttons => unchanged(),
        Content::Link { text, label, url, header, footer } => {
            let frame = choices::Frame { text, header: header.as_ref(), footer: footer.as_ref() };
            frame.above(vec![link(label, url)], capabilities)
        }
        Content::Location(_) if capabilities.location => unchanged(),
        Content::Location(point) => told(&place(point), Vec::new(), "", capabilities),
        Content::LocationRequest { text } => choices::location_request(content, text, capabilities),
        Content::Contacts { .. } if capabilities.contacts => unchanged(),
        Content::Contacts { contacts } => {
            let cards: Vec<String> = contacts.iter().map(card).filter(|card| !card.is_empty()).collect();
            told(&cards.join("\n\n"), Vec::new(), "", capabilities)
        }
        Content::Reaction { .. } if capabilities.reactions => unchanged(),
        Content::Reaction { emoji: Some(emoji), .. } => told(emoji, Vec::new(), "", capabilities),
        Content::Reaction { emoji: None, .. } => Err(invalid("this channel knows no reactions to take back.")),
        Content::Template(_) if capabilities.templates => unchanged(),
        Content::Template(_) => Err(invalid("this channel knows no templates.")),
        Content::Multipart { parts } if parts.is_empty() => Err(invalid("parts must not be empty.")),
        Content::Multipart { parts } if parts.iter().any(|part| matches!(part, Content::Multipart { .. })) => {
            Err(invalid("parts must not have parts of their own."))
        }
        Content::Multipart { .. } if capabilities.media_by == MediaBy::Attachment => unchanged(),
        Content::Multipart { parts } => {
            let fitted: Result<Vec<_>, _> = parts.iter().map(|part| fit(part, capabilities)).collect();
            Ok(fitted?.concat())
        }
        Content::Email(_) if capabilities.media_by == MediaBy::Attachment => unchanged(),
        Content::Email(mail) => letter(mail, capabilities),
        Content::Choice { .. }
        | Content::Form { .. }
        | Content::Order { .. }
        | Content::System { .. }
        | Content::Unsupported { .. } => {
            Err(invalid(&format!("type {} only comes in; it cannot be sent.", content.kind())))
        }
    }
}

/// What can be picked, in order, as id and label: the numbers of a numbered text count these.
#[must_use]
pub fn options(content: &Content) -> Vec<(String, String)> {
    let row = |row: &Row| (row.id.clone(), row.title.clone());
    let button = |button: &Button| (button.id.clone(), button.title.clone());
    match content {
        Content::Buttons { buttons, .. } => buttons.iter().map(button).collect(),
        Content::List { sections, .. } => sections.iter().flat_map(|section| &section.rows).map(row).collect(),
        _ => Vec::new(),
    }
}

/// What a typed answer picks: the number (`2`, `2.`, `#2`, `(2)`), the label, or the whole line. `None` when it is
/// neither, or could mean more than one option.
#[must_use]
pub fn chosen(options: &[(String, String)], typed: &str) -> Option<Content> {
    let said = typed.trim().to_lowercase();
    let picked = number(&said);
    let means = |(index, (_, title)): &(usize, &(String, String))| {
        let (place, label) = (index + 1, title.trim().to_lowercase());
        picked == Some(place) || said == label || said == format!("{place}. {label}")
    };
    let mut meant = options.iter().enumerate().filter(means).map(|(_, option)| option);
    let (id, title) = meant.next().filter(|_| !said.is_empty())?;
    if meant.any(|(other, _)| other != id) {
        return None;
    }
    Some(Content::Choice { id: id.clone(), title: title.clone(), description: None })
}

/// A number as people write it when they pick something.
fn number(said: &str) -> Option<usize> {
    // A digit in a box is the digit, a variation mark and the box.
    let bare = said
        .trim_start_matches(['#', '(', '[', ' '])
        .trim_end_matches(['.', ')', ']', ':', ',', '!', ' ', '\u{fe0f}', '\u{20e3}']);
    let digits = (1..=4).contains(&bare.len()) && bare.bytes().all(|byte| byte.is_ascii_digit());
    if digits { bare.parse().ok() } else { None }
}

/// A mail where there are none: its subject and text, then its files.
fn letter(mail: &Email, capabilities: &Capabilities) -> Result<Vec<Content>, Failure> {
    let text = mail.full_text.as_ref().unwrap_or(&mail.text);
    let text = words::joined([mail.subject.as_deref().unwrap_or_default(), text]);
    let mut parts = if text.is_empty() { Vec::new() } else { told(&text, Vec::new(), "", capabilities)? };
    for media in &mail.attachments {
        parts.extend(file(files::kind_of(media), media, capabilities)?);
    }
    if parts.is_empty() { Err(invalid("text must not be empty.")) } else { Ok(parts) }
}

/// A link as a line of text.
fn link(label: &str, url: &str) -> String {
    if label.trim().is_empty() { url.to_owned() } else { format!("{}: {url}", label.trim()) }
}

/// A refusal of content.
fn invalid(problem: &str) -> Failure {
    Failure::content("INVALID_CONTENT", problem)
}
