//! Each kind of content as the parts of a mail: a subject if it has one, plain text, HTML and files.

use super::{invalid, line, page};
use crate::contract::content::{Button, Content, Email, Header, Media, Section, Template};
use crate::contract::failure::Failure;
use crate::contract::mail::MailFile;
use serde_json::Value;
use url::Url;

/// The parts of a mail.
#[derive(Debug, Default)]
pub(super) struct Composed {
    pub(super) subject: Option<String>,
    pub(super) text: String,
    pub(super) html: Option<String>,
    pub(super) files: Vec<MailFile>,
    /// Where one click unsubscribes.
    pub(super) unsubscribe: Option<String>,
}

/// Composes a mail of a content.
pub(super) fn compose(content: &Content) -> Result<Composed, Failure> {
    let mut composed = match content {
        Content::Text { text, .. } => worded(filled("text", text)?, page::paragraphs(text)),
        Content::Email(mail) => email(mail)?,
        Content::Multipart { parts } => several(parts)?,
        Content::Image(media)
        | Content::Video(media)
        | Content::Audio(media)
        | Content::Document(media)
        | Content::Sticker(media) => single(media)?,
        Content::Buttons { text, buttons, header, footer } => {
            filled("text", text)?;
            let labels: Vec<String> = buttons.iter().map(|button: &Button| page::escaped(&button.title)).collect();
            framed(content, header.as_ref(), text, &page::numbered(&labels), footer.as_deref())?
        }
        Content::List { text, sections, header, footer, .. } => {
            filled("text", text)?;
            framed(content, header.as_ref(), text, &page::numbered(&rows(sections)), footer.as_deref())?
        }
        Content::Link { text, label, url, header, footer } => {
            filled("text", text)?;
            let link = page::link(&filled("label", label)?, &web("url", url)?);
            framed(content, header.as_ref(), text, &link, footer.as_deref())?
        }
        Content::Location(_) | Content::Contacts { .. } | Content::LocationRequest { .. } => {
            let text = content.plain();
            worded(text.clone(), page::paragraphs(&text))
        }
        Content::Template(template) => of_template(template)?,
        Content::Reaction { .. }
        | Content::Choice { .. }
        | Content::Form { .. }
        | Content::Order { .. }
        | Content::System { .. }
        | Content::Unsupported { .. } => {
            return Err(invalid("type", &format!("{} cannot be sent by mail", content.kind())));
        }
    };
    // A header with a file is a file like any other.
    if let Content::Buttons { header, .. } | Content::List { header, .. } | Content::Link { header, .. } = content
        && let Some(Header::Image(media) | Header::Video(media) | Header::Document(media)) = header
    {
        attach(&mut composed, media)?;
    }
    composed.text = composed.text.replace("\r\n", "\n").replace(['\r', '\0'], "");
    Ok(composed)
}

fn worded(text: String, html: String) -> Composed {
    Composed { text, html: Some(html), ..Composed::default() }
}

fn filled(field: &str, text: &str) -> Result<String, Failure> {
    if text.trim().is_empty() { Err(invalid(field, "must not be empty")) } else { Ok(text.to_owned()) }
}

/// An address of the web, written so that it cannot break out of where it stands.
fn web(field: &str, text: &str) -> Result<String, Failure> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.map(String::from).ok_or_else(|| invalid(field, "must be an http or https address"))
}

fn framed(
    content: &Content,
    header: Option<&Header>,
    text: &str,
    below: &str,
    footer: Option<&str>,
) -> Result<Composed, Failure> {
    let head = match header {
        Some(Header::Text { text }) => page::strong(text),
        _ => String::new(),
    };
    let foot = footer.map(page::quiet).unwrap_or_default();
    Ok(worded(content.plain(), format!("{head}{}{below}{foot}", page::paragraphs(text))))
}

fn rows(sections: &[Section]) -> Vec<String> {
    let rows = sections.iter().flat_map(|section| &section.rows);
    rows.map(|row| match &row.description {
        Some(description) => format!("{} ({})", page::escaped(&row.title), page::escaped(description)),
        None => page::escaped(&row.title),
    })
    .collect()
}

fn email(mail: &Email) -> Result<Composed, Failure> {
    let mut composed = Composed {
        subject: mail.subject.as_deref().map(|subject| line("subject", subject)).transpose()?,
        text: filled("text", &mail.text)?,
        html: Some(mail.html.clone().unwrap_or_else(|| page::paragraphs(&mail.text))),
        ..Composed::default()
    };
    for media in &mail.attachments {
        attach(&mut composed, media)?;
    }
    Ok(composed)
}

/// All parts in one mail, one below the other.
fn several(parts: &[Content]) -> Result<Composed, Failure> {
    let mut whole = Composed::default();
    for part in parts {
        let part = compose(part)?;
        whole.subject = whole.subject.or(part.subject);
        whole.text = format!("{}\n\n{}", whole.text, part.text).trim().to_owned();
        whole.html = Some(whole.html.unwrap_or_default() + part.html.as_deref().unwrap_or_default());
        whole.files.extend(part.files);
        whole.unsubscribe = whole.unsubscribe.or(part.unsubscribe);
    }
    Ok(whole)
}

fn single(media: &Media) -> Result<Composed, Failure> {
    let caption = media.caption.as_deref().unwrap_or_default();
    let mut composed = worded(caption.to_owned(), page::paragraphs(caption));
    attach(&mut composed, media)?;
    if composed.text.trim().is_empty() {
        let name = composed.files.first().map_or("file", |file| file.filename.as_str()).to_owned();
        composed.html = Some(page::paragraphs(&name));
        composed.text = name;
    }
    Ok(composed)
}

/// Attaches a stored file; one that lies elsewhere is linked to.
fn attach(composed: &mut Composed, media: &Media) -> Result<(), Failure> {
    if let Some(file_id) = &media.file_id {
        let filename = media.filename.as_deref().map(|name| line("filename", name)).transpose()?;
        let mime_type = media.mime_type.as_deref().map(|kind| line("mime_type", kind)).transpose()?;
        composed.files.push(MailFile {
            file_id: file_id.clone(),
            filename: filename.unwrap_or_else(|| "file".to_owned()),
            mime_type: mime_type.unwrap_or_else(|| "application/octet-stream".to_owned()),
            content_id: media.content_id.as_deref().map(content_id).transpose()?,
        });
        return Ok(());
    }
    let Some(url) = &media.url else {
        return Err(invalid("file", "must be one of our stored files or have an address"));
    };
    let url = web("url", url)?;
    let label = media.filename.as_deref().unwrap_or(&url);
    if let Some(html) = &mut composed.html {
        html.push_str(&page::link(label, &url));
    }
    composed.text = format!("{}\n\n{label}: {url}", composed.text).trim().to_owned();
    Ok(())
}

fn content_id(id: &str) -> Result<String, Failure> {
    let sound = (1..=200).contains(&id.len())
        && id.chars().all(|character| character.is_ascii_graphic() && !"<>\"".contains(character));
    if sound {
        Ok(id.to_owned())
    } else {
        Err(invalid("content_id", "must be visible ASCII characters without brackets"))
    }
}

/// A template carries the mail itself, as mail has no vendor who would keep it: components of the types `subject`
/// (`text`), `body` (`text`, `html`) and `unsubscribe` (`url`).
fn of_template(template: &Template) -> Result<Composed, Failure> {
    let component = |kind: &str| {
        let mut all = template.components.iter();
        all.find(|component| {
            component.get("type").and_then(Value::as_str).is_some_and(|known| known.eq_ignore_ascii_case(kind))
        })
    };
    let member =
        |kind: &str, name: &str| component(kind).and_then(|component| component.get(name)).and_then(Value::as_str);
    let text = filled("components.body.text", member("body", "text").unwrap_or_default())?;
    let html = member("body", "html").map_or_else(|| page::paragraphs(&text), str::to_owned);
    let unsubscribe = match component("unsubscribe") {
        Some(_) => {
            let url = web("components.unsubscribe.url", member("unsubscribe", "url").unwrap_or_default())?;
            // One click works over https only (RFC 8058).
            let secure = url.starts_with("https://");
            if !secure {
                return Err(invalid("components.unsubscribe.url", "must be an https address"));
            }
            Some(url)
        }
        None => None,
    };
    let subject = member("subject", "text").map(|subject| line("components.subject.text", subject)).transpose()?;
    Ok(Composed { subject, unsubscribe, ..worded(text, html) })
}
