//! Our content as the vendor's form fields. What has been fitted to the channel is rendered; the rest is refused.

use url::Url;

use super::pair;
use crate::contract::content::{Content, Location, Media};
use crate::contract::failure::Failure;

/// Renders content that is no template.
pub(super) fn fields(content: &Content) -> Result<Vec<(String, String)>, Failure> {
    match content {
        Content::Text { text, .. } if text.trim().is_empty() => Err(invalid("text must not be empty.")),
        Content::Text { text, .. } => Ok(vec![pair("Body", text.as_str())]),
        Content::Image(media)
        | Content::Video(media)
        | Content::Audio(media)
        | Content::Document(media)
        | Content::Sticker(media) => file(media),
        Content::Location(place) => location(place),
        other => Err(invalid(&format!("type {} cannot be sent over this channel.", other.kind()))),
    }
}

fn file(media: &Media) -> Result<Vec<(String, String)>, Failure> {
    let url =
        media.url.as_deref().ok_or_else(|| invalid("url must be there: Twilio fetches files by their address."))?;
    if !Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
        return Err(invalid("url must be an http or https address."));
    }
    let caption = media.caption.as_deref().filter(|caption| !caption.trim().is_empty());
    let body = caption.map(|caption| pair("Body", caption));
    Ok(body.into_iter().chain([pair("MediaUrl", url)]).collect())
}

/// A place: the text above the map, and the point with its label.
fn location(place: &Location) -> Result<Vec<(String, String)>, Failure> {
    for (field, degrees, most) in [("latitude", place.latitude, 90.0), ("longitude", place.longitude, 180.0)] {
        // Written so that a number which is none is refused, too.
        if !(-most..=most).contains(&degrees) {
            return Err(invalid(&format!("{field} must be between -{most} and {most}.")));
        }
    }
    let point = format!("{},{}", place.latitude, place.longitude);
    let words: Vec<&str> = [&place.name, &place.address].into_iter().flatten().map(|words| words.trim()).collect();
    let label = words.last().copied().unwrap_or(&point).replace(['|', '\n', '\r'], " ");
    let body = words.first().copied().filter(|words| !words.is_empty()).unwrap_or(&point);
    Ok(vec![pair("Body", body), pair("PersistentAction", format!("geo:{point}|{label}"))])
}

/// A refusal of content.
pub(super) fn invalid(problem: &str) -> Failure {
    Failure::content("INVALID_CONTENT", problem)
}
