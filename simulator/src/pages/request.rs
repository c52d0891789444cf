//! The body of a call: JSON, a form whose members are JSON texts, or the same with a file.

use actix_multipart::Multipart;
use actix_web::HttpRequest;
use actix_web::web::{Bytes, Query};
use futures_util::{TryStreamExt, stream};
use serde_json::{Map, Value, json};

use super::errors::invalid;
use crate::graph::errors::GraphError;
use crate::json::set_under;
use crate::world::World;

/// Reads a body. A file is stored, and its attachment names it as `uploaded`.
pub async fn read(world: &World, request: &HttpRequest, body: &Bytes) -> Result<Value, GraphError> {
    let kind = request.headers().get("Content-Type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.starts_with("multipart/form-data") {
        return parts(world, request, body.clone()).await;
    }
    if kind.starts_with("application/x-www-form-urlencoded") {
        let text = std::str::from_utf8(body).map_err(|_| invalid("The form data cannot be read."))?;
        let pairs =
            Query::<Vec<(String, String)>>::from_query(text).map_err(|_| invalid("The form cannot be read."))?;
        return Ok(Value::Object(pairs.into_inner().into_iter().map(|(key, text)| (key, member(text))).collect()));
    }
    serde_json::from_slice(body).map_err(|_| invalid("The request body is not valid JSON."))
}

/// A member of a form: an object is written as JSON, anything else as it is.
fn member(text: String) -> Value {
    serde_json::from_str(&text).ok().filter(|value: &Value| value.is_object()).unwrap_or(Value::String(text))
}

async fn parts(world: &World, request: &HttpRequest, body: Bytes) -> Result<Value, GraphError> {
    let broken = |_| invalid("The form data cannot be read.");
    let whole = stream::once(async move { Ok::<_, actix_web::error::PayloadError>(body) });
    let mut form = Multipart::new(request.headers(), whole);
    let (mut document, mut file) = (Map::new(), None);
    while let Some(mut field) = form.try_next().await.map_err(broken)? {
        let name = field.name().unwrap_or_default().to_owned();
        let mime_type = field.content_type().map(ToString::to_string);
        let filename = field.content_disposition().and_then(|part| part.get_filename()).map(str::to_owned);
        let mut bytes = Vec::new();
        while let Some(piece) = field.try_next().await.map_err(broken)? {
            bytes.extend_from_slice(&piece);
        }
        if name == "filedata" {
            let mime_type = mime_type.unwrap_or_else(|| "application/octet-stream".to_owned());
            file = Some(world.media.put(world.ids.digits(), mime_type, filename, Bytes::from(bytes)).id.clone());
        } else {
            document.insert(name, member(String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    let mut document = Value::Object(document);
    if let Some(id) = file {
        if document.pointer("/message/attachment/payload").is_none() {
            set_under(&mut document, "/message/attachment", "payload", json!({}));
        }
        set_under(&mut document, "/message/attachment/payload", "uploaded", json!(id));
    }
    Ok(document)
}
