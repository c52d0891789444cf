//! The files of a mail, as media and as bytes. Labels lie: where the bytes tell what they are, they are believed.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use crate::contract::content::Media;
use crate::contract::inbound::CarriedFile;
use crate::email::letter::Part;

/// First bytes of files, and what they are.
const MAGIC: [(&[u8], &str); 9] = [
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"MZ", "application/vnd.microsoft.portable-executable"),
    (b"\x7fELF", "application/x-elf"),
    (b"\x1f\x8b", "application/gzip"),
    (b"<svg", "image/svg+xml"),
];
/// What is known when nothing is known.
const ANYTHING: &str = "application/octet-stream";

/// The files as media, and their bytes by the same ids. One that the HTML shows keeps the name by which it does.
pub(super) fn media(parts: Vec<Part>, shows: &BTreeSet<String>) -> (Vec<Media>, Vec<CarriedFile>) {
    parts
        .into_iter()
        .map(|part| {
            let media = Media {
                id: Some(part.id.clone()),
                mime_type: Some(mime_type(&part)),
                sha256: Some(hex::encode(Sha256::digest(&part.bytes))),
                size: u64::try_from(part.bytes.len()).ok(),
                content_id: part.content_id.filter(|id| shows.contains(id)),
                filename: part.filename,
                ..Media::default()
            };
            (media, CarriedFile { id: part.id, bytes: part.bytes })
        })
        .unzip()
}

fn mime_type(part: &Part) -> String {
    let labelled = if part.mime_type.contains('/') { part.mime_type.as_str() } else { ANYTHING };
    let webp = part.bytes.starts_with(b"RIFF") && part.bytes.get(8..12) == Some(b"WEBP");
    let found = MAGIC.iter().find(|(magic, _)| part.bytes.starts_with(magic)).map(|(_, kind)| *kind);
    let found = if webp { Some("image/webp") } else { found };
    match found {
        // What is packed may well be what its label says.
        Some("application/gzip") if labelled != ANYTHING => labelled.to_owned(),
        Some(found) => found.to_owned(),
        None if labelled.starts_with("image/")
            && labelled != "image/svg+xml"
            && MAGIC.iter().any(|(_, kind)| *kind == labelled) =>
        {
            ANYTHING.to_owned()
        }
        None => labelled.to_owned(),
    }
}
