//! Files in the form that a channel takes: as they are, as a document, or as the address where they lie.

use super::words::{joined, split, told};
use super::{fit, invalid, link};
use crate::contract::capabilities::{Capabilities, MediaKind, MediaRule};
use crate::contract::content::{Content, Media};
use crate::contract::failure::Failure;

/// The label of the button that opens a file.
const OPEN: &str = "Open";

/// Fits a file.
pub(super) fn file(kind: MediaKind, media: &Media, capabilities: &Capabilities) -> Result<Vec<Content>, Failure> {
    let forms: &[MediaKind] = match kind {
        MediaKind::Sticker => &[MediaKind::Sticker, MediaKind::Image, MediaKind::Document],
        MediaKind::Document => &[MediaKind::Document],
        MediaKind::Image => &[MediaKind::Image, MediaKind::Document],
        MediaKind::Video => &[MediaKind::Video, MediaKind::Document],
        MediaKind::Audio => &[MediaKind::Audio, MediaKind::Document],
    };
    let takes = |form: &MediaKind| capabilities.media.iter().find(|rule| rule.kind == *form && accepts(rule, media));
    let Some(rule) = forms.iter().find_map(takes) else { return as_address(kind, media, capabilities) };
    let mut media = media.clone();
    if rule.kind != kind {
        media.voice = false;
        media.animated = false;
    }
    let caption = media.caption.as_deref().filter(|caption| !caption.trim().is_empty());
    let carries = |caption: &str| caption.chars().count() <= rule.caption_limit && capabilities.text.fits(caption);
    if caption.is_none_or(carries) {
        return Ok(vec![content(rule.kind, media)]);
    }
    let below = split(caption.unwrap_or_default(), capabilities, false);
    media.caption = None;
    Ok([content(rule.kind, media)].into_iter().chain(below).collect())
}

/// The kind of a file by its MIME type.
pub(super) fn kind_of(media: &Media) -> MediaKind {
    match bare(media).unwrap_or_default().split('/').next().unwrap_or_default() {
        "image" => MediaKind::Image,
        "video" => MediaKind::Video,
        "audio" => MediaKind::Audio,
        _ => MediaKind::Document,
    }
}

/// Whether the rule takes a file of this type and size; what is not known is left to the vendor.
fn accepts(rule: &MediaRule, media: &Media) -> bool {
    let known = |mime: &str| {
        rule.types.iter().any(|accepted| match accepted.strip_suffix('*') {
            Some(family) => mime.starts_with(family),
            None => mime == *accepted,
        })
    };
    let typed = rule.types.is_empty() || bare(media).is_none_or(|mime| known(&mime));
    typed && media.size.is_none_or(|size| size <= rule.most_bytes)
}

/// The MIME type without parameters, in lower case.
fn bare(media: &Media) -> Option<String> {
    let mime = media.mime_type.as_deref()?.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    (!mime.is_empty()).then_some(mime)
}

fn content(kind: MediaKind, media: Media) -> Content {
    match kind {
        MediaKind::Image => Content::Image(media),
        MediaKind::Video => Content::Video(media),
        MediaKind::Audio => Content::Audio(media),
        MediaKind::Document => Content::Document(media),
        MediaKind::Sticker => Content::Sticker(media),
    }
}

/// A file that the channel does not take: its caption, and where it lies.
fn as_address(kind: MediaKind, media: &Media, capabilities: &Capabilities) -> Result<Vec<Content>, Failure> {
    let word = content(kind, Media::default()).kind();
    let Some(url) = media.url.as_deref().filter(|url| !url.trim().is_empty()) else {
        return Err(invalid(&format!("this channel takes no {word} of this type and size, and it has no url.")));
    };
    let name = media.filename.as_deref().map(str::trim).filter(|name| !name.is_empty());
    let caption = media.caption.as_deref().unwrap_or_default();
    if !capabilities.link_buttons {
        return told(caption, vec![link(name.unwrap_or(word), url)], "", capabilities);
    }
    let text = joined([caption, name.unwrap_or_default()]);
    let text = if text.is_empty() { word.to_owned() } else { text };
    let offer = Content::Link { text, label: OPEN.to_owned(), url: url.to_owned(), header: None, footer: None };
    fit(&offer, capabilities)
}
