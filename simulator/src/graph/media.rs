//! Media: uploads, metadata, downloads that expire, deletion. The bytes live in memory, within a bound.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use actix_multipart::Multipart;
use actix_web::HttpResponse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::TryStreamExt;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::errors::GraphError;
use super::escape::signature;
use crate::world::World;

/// Most bytes kept in all; the oldest files go first.
const MOST_BYTES: usize = 256 * 1024 * 1024;
/// How long a download address lives, in milliseconds of simulated time.
const URL_LIFE_MS: i64 = 5 * 60 * 1_000;
/// How long an open address lives.
const OPEN_LIFE_MS: i64 = 3 * 24 * 3_600 * 1_000;

/// One stored file.
#[derive(Debug)]
pub struct Media {
    pub id: String,
    pub mime_type: String,
    pub filename: Option<String>,
    pub bytes: Bytes,
    sha256: [u8; 32],
}

impl Media {
    /// The object that an inbound message carries.
    pub fn in_webhook(&self, url: &str) -> Value {
        json!({"mime_type": self.mime_type, "sha256": STANDARD.encode(self.sha256), "id": self.id, "url": url})
    }
}

#[derive(Debug, Default)]
struct Shelf {
    files: HashMap<String, Arc<Media>>,
    order: VecDeque<String>,
    bytes: usize,
}

/// All files of all numbers.
#[derive(Debug, Default)]
pub struct MediaStore {
    shelf: Mutex<Shelf>,
}

impl MediaStore {
    pub fn put(&self, id: String, mime_type: String, filename: Option<String>, bytes: Bytes) -> Arc<Media> {
        let sha256 = Sha256::digest(&bytes).into();
        let media = Arc::new(Media { id: id.clone(), mime_type, filename, bytes, sha256 });
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.bytes += media.bytes.len();
        if let Some(old) = shelf.files.insert(id.clone(), Arc::clone(&media)) {
            shelf.bytes -= old.bytes.len();
        } else {
            shelf.order.push_back(id);
        }
        while shelf.bytes > MOST_BYTES && shelf.order.len() > 1 {
            let Some(oldest) = shelf.order.pop_front() else { break };
            if let Some(gone) = shelf.files.remove(&oldest) {
                shelf.bytes -= gone.bytes.len();
            }
        }
        media
    }

    pub fn get(&self, id: &str) -> Option<Arc<Media>> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner).files.get(id).cloned()
    }

    pub fn remove(&self, id: &str) -> bool {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = shelf.files.remove(id);
        shelf.bytes -= gone.as_ref().map_or(0, |media| media.bytes.len());
        shelf.order.retain(|kept| kept != id);
        gone.is_some()
    }
}

/// A fresh download address on the simulator itself.
pub fn download_url(world: &World, id: &str) -> String {
    let expires = (world.clock.now_ms() + URL_LIFE_MS) / 1_000;
    let hash = seal(world, id, expires);
    format!("{}/whatsapp_business/attachments/?mid={id}&ext={expires}&hash={hash}", world.base_url)
}

/// A fresh address that needs no token, as files in Messenger, on Instagram and behind Twilio have it.
pub fn open_url(world: &World, id: &str) -> String {
    let expires = (world.clock.now_ms() + OPEN_LIFE_MS) / 1_000;
    format!("{}/attachments/{id}?oe={expires}&oh={}", world.base_url, seal(world, id, expires))
}

/// The bytes behind an open address, while it lives.
pub fn open(world: &World, id: &str, query: &[(String, String)]) -> HttpResponse {
    let of = |name: &str| query.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let expires: i64 = of("oe").parse().unwrap_or_default();
    if world.clock.now_ms() / 1_000 >= expires || of("oh") != seal(world, id, expires) {
        return HttpResponse::Forbidden().content_type("text/plain").body("URL signature expired");
    }
    match world.media.get(id) {
        Some(media) => plain(&media),
        None => HttpResponse::NotFound().finish(),
    }
}

/// Binds an address to its file and its end, so that nobody prolongs it.
fn seal(world: &World, id: &str, expires: i64) -> String {
    signature(&world.base_url, format!("{id}:{expires}").as_bytes()).chars().skip(7).take(32).collect()
}

/// `GET /{media_id}`.
pub fn metadata(world: &World, media: &Media) -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "messaging_product": "whatsapp", "url": download_url(world, &media.id), "mime_type": media.mime_type,
        "sha256": hex::encode(media.sha256), "file_size": media.bytes.len(), "id": media.id
    }))
}

/// The bytes behind a download address, for a caller whose token was good.
pub fn download(world: &World, query: &[(String, String)]) -> HttpResponse {
    let of = |name: &str| query.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let expires: i64 = of("ext").parse().unwrap_or_default();
    let alive = world.clock.now_ms() / 1_000 < expires && of("hash") == seal(world, of("mid"), expires);
    match world.media.get(of("mid")) {
        Some(media) if alive => plain(&media),
        _ => HttpResponse::NotFound().content_type("text/html").body("<html><body>Not found</body></html>"),
    }
}

/// The bytes as they are.
pub fn plain(media: &Media) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(media.mime_type.as_str())
        .insert_header(("X-Content-Type-Options", "nosniff"))
        .insert_header(("Content-Security-Policy", "sandbox"))
        .body(media.bytes.clone())
}

/// Largest size of a kind of file; `None` for types that are refused.
fn most_bytes(mime_type: &str) -> Option<usize> {
    const MEGABYTE: usize = 1024 * 1024;
    let essence = mime_type.split(';').next().unwrap_or_default().trim();
    match essence {
        "audio/aac" | "audio/amr" | "audio/mpeg" | "audio/mp4" | "audio/ogg" | "video/mp4" | "video/3gpp" => {
            Some(16 * MEGABYTE)
        }
        "image/jpeg" | "image/png" => Some(5 * MEGABYTE),
        "image/webp" => Some(500 * 1024),
        "text/plain"
        | "application/pdf"
        | "application/msword"
        | "application/vnd.ms-excel"
        | "application/vnd.ms-powerpoint" => Some(100 * MEGABYTE),
        other if other.starts_with("application/vnd.openxmlformats-officedocument.") => Some(100 * MEGABYTE),
        _ => None,
    }
}

/// `POST /{phone_number_id}/media`.
pub async fn upload(world: &World, form: Multipart) -> HttpResponse {
    match take(world, form).await {
        Ok(id) => HttpResponse::Ok().json(json!({"id": id})),
        Err(error) => error.response(&world.ids),
    }
}

async fn take(world: &World, mut form: Multipart) -> Result<String, GraphError> {
    let broken = |_| GraphError::about(100, "The form data cannot be read.");
    let (mut product, mut kind, mut file) = (String::new(), String::new(), None);
    while let Some(mut field) = form.try_next().await.map_err(broken)? {
        let name = field.name().unwrap_or_default().to_owned();
        let part_type = field.content_type().map(ToString::to_string);
        let filename = field.content_disposition().and_then(|part| part.get_filename()).map(str::to_owned);
        let mut bytes = Vec::new();
        while let Some(piece) = field.try_next().await.map_err(broken)? {
            if bytes.len() + piece.len() > 100 * 1024 * 1024 {
                return Err(GraphError::about(131_053, "The file is larger than 100 MB."));
            }
            bytes.extend_from_slice(&piece);
        }
        match name.as_str() {
            "messaging_product" => product = String::from_utf8_lossy(&bytes).into_owned(),
            "type" => kind = String::from_utf8_lossy(&bytes).into_owned(),
            "file" => file = Some((part_type, filename, Bytes::from(bytes))),
            _ => {}
        }
    }
    if product != "whatsapp" {
        return Err(GraphError::about(100, "The parameter messaging_product is required."));
    }
    let (part_type, filename, bytes) = file.ok_or_else(|| GraphError::about(100, "The parameter file is required."))?;
    let mime_type = part_type.filter(|found| found != "application/octet-stream").unwrap_or(kind);
    let most = most_bytes(&mime_type)
        .ok_or_else(|| GraphError::about(131_053, format!("Param file has an unsupported type: {mime_type}")))?;
    if bytes.is_empty() || bytes.len() > most {
        return Err(GraphError::about(131_053, format!("Files of type {mime_type} hold 1 to {most} bytes.")));
    }
    Ok(world.media.put(world.ids.digits(), mime_type, filename, bytes).id.clone())
}
