//! `/api/files`: the bytes behind attachments, for whoever may read the message, and files handed in to be sent.

use actix_web::body::SizedStream;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use actix_web::http::header::{HeaderValue, X_CONTENT_TYPE_OPTIONS};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, web};
use futures_util::StreamExt as _;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use tokio_util::io::ReaderStream;

use crate::api::Doors;
use crate::api::authentication::{self, Caller, Read, Write};
use crate::api::failure::{Failure, no_such_method};
use crate::api::reading::{self, Query};
use crate::domain::errors::{Code, FieldProblem};
use crate::domain::files::{File, shown_in_place};
use crate::usecases::downloading::place;
use crate::usecases::filing::Unfiled;

/// Largest file that can be handed in, in bytes.
const LARGEST_UPLOAD: usize = 16 * 1024 * 1024;
/// Longest name of a file, in characters.
const LONGEST_NAME: usize = 240;
/// What may stand unescaped in the extended form of a file name (RFC 8187).
const ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .service(
            web::resource("/api/files").route(web::post().to(upload)).default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/files/{id}")
                .route(web::get().to(download))
                .default_service(web::route().to(no_such_method)),
        );
}

/// A file.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = File)]
pub struct FileView {
    /// UUID: the `file_id` of a message's content.
    #[schema(example = "0198c1d2-7e00-7000-8000-00000000000a")]
    pub id: String,
    /// SHA-256 of its bytes, lower-case hex.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub sha256: String,
    /// Bytes.
    #[schema(example = 48213)]
    pub size: i64,
    /// MIME type as it was stated.
    #[schema(example = "application/pdf")]
    pub mime_type: String,
    /// Name to offer on download.
    #[schema(example = "menu.pdf")]
    pub filename: Option<String>,
    /// Where an authorised reader gets it.
    #[schema(example = "/api/files/0198c1d2-7e00-7000-8000-00000000000a")]
    pub url: String,
}

impl From<File> for FileView {
    fn from(file: File) -> Self {
        let url = format!("/api/files/{}", file.id);
        let File { id, sha256, size, mime_type, filename } = file;
        Self { id, sha256, size, mime_type, filename, url }
    }
}

/// How the file is called.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what the handler reads")]
pub struct Named {
    /// Name to offer on download, at most 240 characters.
    #[param(min_length = 1, max_length = 240, pattern = r"^[^\x00-\x1f\x7f-\x9f/\\]+$", example = "menu.pdf")]
    filename: Option<String>,
}

/// A visitor's way in.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what the handler reads")]
pub struct VisitorToken {
    /// A visitor's token instead of a key: for the files of the visitor's own conversation.
    token: Option<String>,
    /// A signed link instead of a key: for this one file, for a while.
    link: Option<String>,
}

/// Hands a file in, at most 16 MiB, to be named by `file_id` in a message. A repeated `Idempotency-Key` with the same bytes
/// gives the first one again, with `Idempotent-Replayed: true`.
///
/// # Errors
/// 400 for a name that is not as documented, 409 when the key was used for something else or what it kept was deleted,
/// 413 for a file that is too large, 415 without a type.
#[utoipa::path(post, path = "/api/files", tag = "files", extensions(("x-permission" = json!("write"))),
    params(Named, ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters: the same key keeps it once.")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The bytes, under their own Content-Type."),
    responses((status = 201, description = "It is kept.", body = FileView),
              (status = 400, description = "The query is not as documented.", body = crate::api::failure::FailureBody),
              (status = 409, description = "The key was used for something else, or what it kept was deleted.", body = crate::api::failure::FailureBody),
              (status = 413, description = "It is too large.", body = crate::api::failure::FailureBody),
              (status = 415, description = "There is no Content-Type.", body = crate::api::failure::FailureBody)))]
pub async fn upload(
    request: HttpRequest,
    caller: Caller<Write>,
    doors: web::Data<Doors>,
    mut payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let under = reading::idempotency_key(&request)?;
    let filename = filename(&request)?;
    let essence = request.content_type().to_ascii_lowercase();
    let stated = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let mime_type =
        stated.filter(|text| text.len() <= 200 && essence.split('/').filter(|part| !part.is_empty()).count() == 2);
    let mime_type = mime_type
        .ok_or_else(|| Failure::new(&request, Code::UnsupportedMediaType, "send the file's own Content-Type"))?
        .to_owned();
    if reading::stated_size(&request).is_some_and(|stated| stated > LARGEST_UPLOAD) {
        return Err(reading::too_large(&request, LARGEST_UPLOAD));
    }
    let unfiled = |error: Unfiled| match error {
        Unfiled::KeyMismatch => Failure::key_mismatch(&request),
        Unfiled::Gone => Failure::new(&request, Code::Conflict, error.to_string()),
        Unfiled::Disk(_) | Unfiled::Store(_) => Failure::unavailable(&request, &error.to_string()),
    };
    let mut intake = doors.switchboard.begin_file().await.map_err(unfiled)?;
    let mut size = 0_usize;
    loop {
        let piece = tokio::time::timeout(doors.options.body_timeout, payload.next()).await;
        let piece = piece.map_err(|_| Failure::new(&request, Code::RequestTimeout, "the body stands still"))?;
        let Some(piece) = piece else { break };
        let piece = piece.map_err(|_| Failure::new(&request, Code::InvalidRequest, "the body broke off"))?;
        size = size.saturating_add(piece.len());
        if size > LARGEST_UPLOAD {
            return Err(reading::too_large(&request, LARGEST_UPLOAD));
        }
        intake.write(&piece).await.map_err(unfiled)?;
    }
    if size == 0 {
        return Err(Failure::fields(&request, &[FieldProblem::new("body", "the bytes of a file")]));
    }
    let kept = intake.keep_once(caller.workspace_id(), mime_type, filename, under).await;
    let (file, repeated) = kept.map_err(unfiled)?;
    let mut response = HttpResponse::Created();
    if repeated {
        response.insert_header(("Idempotent-Replayed", "true"));
    }
    Ok(response.json(FileView::from(file)))
}

fn filename(request: &HttpRequest) -> Result<Option<String>, Failure> {
    let Some(name) = Query::of(request).text("filename") else { return Ok(None) };
    let good = (1..=LONGEST_NAME).contains(&name.chars().count())
        && !name.chars().any(|letter| letter.is_control() || matches!(letter, '/' | '\\'));
    if good {
        return Ok(Some(name));
    }
    let expected = format!("a name of 1 to {LONGEST_NAME} characters, without a path");
    Err(Failure::fields(request, &[FieldProblem::new("filename", expected)]))
}

/// Reads a file's bytes. Only pictures, sounds and films are shown in place; everything else is a download.
///
/// # Errors
/// 401 without a key or a visitor's token, 403 for the key of one agent, 404 for a file that is not the caller's.
#[utoipa::path(get, path = "/api/files/{id}", tag = "files", extensions(("x-permission" = json!("read"))),
    params(("id" = String, Path, description = "The file."), VisitorToken),
    responses((status = 200, description = "The bytes.", body = String, content_type = "application/octet-stream"),
              (status = 404, description = "There is no such file.", body = crate::api::failure::FailureBody)))]
pub async fn download(
    request: HttpRequest,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let file = readable(&request, &doors, &path).await?;
    let opened = tokio::fs::File::open(place(&doors.switchboard.options.files, &file.sha256)).await;
    let bytes = opened.map_err(|error| Failure::unavailable(&request, &format!("the file store: {error}")))?;
    let in_place = shown_in_place(&file.mime_type);
    let content_type = if in_place { file.mime_type.as_str() } else { "application/octet-stream" };
    let content_type =
        HeaderValue::from_str(content_type).unwrap_or_else(|_| HeaderValue::from_static("application/octet-stream"));
    let size = u64::try_from(file.size).unwrap_or_default();
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, content_type))
        .insert_header((CONTENT_DISPOSITION, disposition(in_place, file.filename.as_deref().unwrap_or("file"))))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
        .insert_header((CACHE_CONTROL, "private"))
        .body(SizedStream::new(size, ReaderStream::new(bytes))))
}

/// The file, if this caller may read it.
async fn readable(request: &HttpRequest, doors: &Doors, id: &str) -> Result<File, Failure> {
    let switchboard = &doors.switchboard;
    if let Some(link) = Query::of(request).text("link") {
        let found = switchboard.linked_file(id, &link).await.map_err(|error| Failure::store(request, &error))?;
        return found.ok_or_else(|| Failure::new(request, Code::Unauthenticated, "the link is not valid any more"));
    }
    let found = match Query::of(request).text("token") {
        Some(token) => {
            let visitor = switchboard.visitor(&token);
            let visitor = visitor.ok_or_else(|| {
                Failure::new(request, Code::Unauthenticated, "the visitor's token is not valid any more")
            })?;
            let id = reading::id(request, id, "file")?;
            let conversation = switchboard.visited_conversation(&visitor).await;
            match conversation.map_err(|error| Failure::store(request, &error))? {
                Some(conversation) => switchboard.store.conversation_file(&conversation, &id).await,
                None => Ok(None),
            }
        }
        None => {
            let caller = authentication::caller::<Read>(request).await?;
            let id = reading::id(request, id, "file")?;
            switchboard.store.file(caller.workspace_id(), &id).await
        }
    };
    found.map_err(|error| Failure::store(request, &error))?.ok_or_else(|| Failure::not_found(request, "file"))
}

/// The value of `Content-Disposition` (RFC 6266): a plain name for old clients, the true one beside it.
fn disposition(in_place: bool, name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || " -_.()".contains(letter) { letter } else { '_' })
        .collect();
    let kind = if in_place { "inline" } else { "attachment" };
    format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{}", utf8_percent_encode(name, ATTR_CHAR))
}

#[cfg(test)]
mod tests {
    use super::disposition;

    #[test]
    fn no_name_breaks_out_of_its_header() {
        assert_eq!(
            disposition(false, "a\"; x=\"\r\né.pdf"),
            "attachment; filename=\"a__ x_____.pdf\"; filename*=UTF-8''a%22%3B%20x%3D%22%0D%0A%C3%A9.pdf"
        );
        assert_eq!(disposition(true, "cat.png"), "inline; filename=\"cat.png\"; filename*=UTF-8''cat.png");
    }
}
