//! `/api/agents/{id}/documents`: what an agent knows, handed in as text, as a file or as an address of the web, and
//! searched as the agent searches it.

use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::find;
use crate::api::Doors;
use crate::api::authentication::{Caller, Manage, Read};
use crate::api::failure::{Failure, no_such_method};
use crate::api::reading::{self, Page, Query};
use crate::domain::documents::Document;
use crate::domain::errors::{Code, FieldProblem};
use crate::domain::nearness::FoundBy;
use crate::net::Trust;
use crate::usecases::ingesting::readers::Format;
use crate::usecases::ingesting::{Handed, LARGEST_DOCUMENT, NewDocument, Untaken};
use crate::usecases::knowledge::Markup;

/// Longest title, in characters.
const LONGEST_TITLE: usize = 300;
/// Longest source and longest address, in characters.
const LONGEST_SOURCE: usize = 2_000;
/// Longest question, in characters.
const LONGEST_QUESTION: usize = 1_000;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .service(
            web::resource("/api/agents/{id}/documents")
                .route(web::get().to(list))
                .route(web::post().to(give))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/agents/{id}/documents/{document_id}")
                .route(web::get().to(one))
                .route(web::put().to(replace))
                .route(web::delete().to(remove))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/agents/{id}/documents/{document_id}/refresh")
                .route(web::post().to(refresh))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/agents/{id}/knowledge/search")
                .route(web::get().to(search))
                .default_service(web::route().to(no_such_method)),
        );
}

/// A page of documents.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Documents {
    /// The documents by title.
    pub items: Vec<Document>,
    /// How many there are in all.
    #[schema(example = 1)]
    pub total: i64,
}

/// A document that is handed in as text, or by its address: one of the two.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentToGive {
    /// Its title, at most 300 characters. A text needs one; a page or a file may bring its own.
    #[schema(format = "label", max_length = 300, example = "Returns")]
    title: Option<String>,
    /// Where it is from, at most 2,000 characters: stands with every quotation, and is unique for the agent. Without one
    /// its address, its file's name or its title.
    #[schema(format = "label", max_length = 2_000, example = "returns.md")]
    source: Option<String>,
    /// Its text.
    #[schema(format = "filled", example = "# Returns\n\nYou can return any item within 30 days.")]
    text: Option<String>,
    /// How to read the text.
    format: Option<TextFormat>,
    /// Its address on the web: a page, Markdown, plain text or PDF of at most 10 MiB. It is fetched in the background,
    /// with the consent of the site's `robots.txt`.
    #[schema(format = "url", max_length = 2_000, example = "https://shop.example/returns")]
    url: Option<String>,
}

/// How to read a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TextFormat {
    /// Headings and lists count.
    Markdown,
    /// Paragraphs and sentences only.
    Text,
}

/// What is said about a file beside its bytes.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what the handler reads")]
pub struct FileParticulars {
    /// Of a file: its title, at most 300 characters.
    #[param(format = "label", max_length = 300)]
    title: Option<String>,
    /// Of a file: where it is from, at most 2,000 characters.
    #[param(format = "label", max_length = 2_000)]
    source: Option<String>,
    /// Of a file: its name, at most 240 characters.
    #[param(format = "label", max_length = 240)]
    filename: Option<String>,
}

/// What a search found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Passages {
    /// The passages, best first.
    pub items: Vec<FoundPassage>,
    /// How many were found.
    #[schema(example = 1)]
    pub total: usize,
    /// How they were found: by their words alone where no model of embeddings is configured or answers, or where it has
    /// embedded nothing that the agent knows.
    pub found_by: FoundBy,
}

/// A passage with where it is from.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FoundPassage {
    /// Title of its document.
    #[schema(example = "Returns")]
    pub title: String,
    /// Source of its document.
    #[schema(example = "returns.md")]
    pub source: String,
    /// The passage.
    #[schema(example = "You can return any item within 30 days.")]
    pub text: String,
    /// Higher is better; comparable within one search only.
    #[schema(example = 1.4)]
    pub score: f64,
}

/// Lists the documents of an agent.
///
/// # Errors
/// 400 for a query that is not as documented, 404 for an unknown agent.
#[utoipa::path(get, path = "/api/agents/{id}/documents", tag = "knowledge", extensions(("x-permission" = json!("read"))),
    params(("id" = String, Path, description = "The agent."), Page),
    responses((status = 200, description = "The documents.", body = Documents),
              (status = 400, description = "The query is not as documented.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such agent.", body = crate::api::failure::FailureBody)))]
pub async fn list(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let agent = find(&request, caller.workspace_id(), &doors, &path).await?;
    let mut query = Query::of(&request);
    let (limit, offset) = query.page();
    query.check(&request)?;
    let found = doors.switchboard.store.documents(caller.workspace_id(), &agent.id, limit, offset).await;
    let (items, total) = found.map_err(|error| Failure::store(&request, &error))?;
    Ok(HttpResponse::Ok().json(Documents { items, total }))
}

/// Gives an agent a document: as text or by its address in JSON, or as a file under its own Content-Type (`text/html`,
/// `text/markdown`, `text/plain` or `application/pdf`, at most 10 MiB). Files and addresses are read in the background:
/// `state` is `pending` until then. A repeated `Idempotency-Key` gives the first one again, with
/// `Idempotent-Replayed: true`.
///
/// # Errors
/// 400 for fields that are not as documented, 404 for an unknown agent, 409 when the agent has a document of this
/// source or the key was used for something else, 413 for a file that is too large, 415 for another type.
#[utoipa::path(post, path = "/api/agents/{id}/documents", tag = "knowledge", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The agent."), FileParticulars,
           ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters: the same key gives it once.")),
    request_body(content((DocumentToGive = "application/json"), (Vec<u8> = "application/pdf"))),
    responses((status = 201, description = "The document.", body = Document),
              (status = 400, description = "Fields are not as documented.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such agent.", body = crate::api::failure::FailureBody),
              (status = 409, description = "The agent has a document of this source, or the key was used for something else.", body = crate::api::failure::FailureBody)))]
pub async fn give(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let agent = find(&request, caller.workspace_id(), &doors, &path).await?;
    let key = reading::idempotency_key(&request)?;
    let wanted = handed(&request, caller.workspace_id(), &doors, payload).await?;
    let wanted = NewDocument { key, ..wanted };
    let given = doors.switchboard.give_document(caller.workspace_id(), &agent.id, wanted).await;
    let (document, repeated) = given.map_err(|untaken| refuse(&request, untaken))?;
    let mut response = HttpResponse::Created();
    if repeated {
        response.insert_header(("Idempotent-Replayed", "true"));
    }
    Ok(response.json(document))
}

/// Reads one document.
///
/// # Errors
/// 404 for an unknown agent or document.
#[utoipa::path(get, path = "/api/agents/{id}/documents/{document_id}", tag = "knowledge", extensions(("x-permission" = json!("read"))),
    params(("id" = String, Path, description = "The agent."), ("document_id" = String, Path, description = "The document.")),
    responses((status = 200, description = "The document.", body = Document),
              (status = 404, description = "There is no such agent or document.", body = crate::api::failure::FailureBody)))]
pub async fn one(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Failure> {
    Ok(HttpResponse::Ok().json(document(&request, caller.workspace_id(), &doors, &path).await?))
}

/// Puts another content in a document's place, handed in as a new one is. What the agent knew of it stays known until
/// the new content has been read.
///
/// # Errors
/// 400 for fields that are not as documented, 404 for an unknown agent or document, 409 when another document of the
/// agent has this source, 413 for a file that is too large, 415 for another type.
#[utoipa::path(put, path = "/api/agents/{id}/documents/{document_id}", tag = "knowledge", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The agent."), ("document_id" = String, Path, description = "The document."), FileParticulars),
    request_body(content((DocumentToGive = "application/json"), (Vec<u8> = "application/pdf"))),
    responses((status = 200, description = "The document as it is now.", body = Document),
              (status = 400, description = "Fields are not as documented.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such agent or document.", body = crate::api::failure::FailureBody),
              (status = 409, description = "Another document of the agent has this source.", body = crate::api::failure::FailureBody)))]
pub async fn replace(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<(String, String)>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let known = document(&request, caller.workspace_id(), &doors, &path).await?;
    let wanted = handed(&request, caller.workspace_id(), &doors, payload).await?;
    let replaced = doors.switchboard.replace_document(caller.workspace_id(), &known, wanted).await;
    Ok(HttpResponse::Ok().json(replaced.map_err(|untaken| refuse(&request, untaken))?))
}

/// Removes a document: the agent knows nothing of it any more.
///
/// # Errors
/// 404 for an unknown agent or document.
#[utoipa::path(delete, path = "/api/agents/{id}/documents/{document_id}", tag = "knowledge", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The agent."), ("document_id" = String, Path, description = "The document.")),
    responses((status = 204, description = "It is gone."),
              (status = 404, description = "There is no such agent or document.", body = crate::api::failure::FailureBody)))]
pub async fn remove(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Failure> {
    let known = document(&request, caller.workspace_id(), &doors, &path).await?;
    let removed = doors.switchboard.store.remove_document(caller.workspace_id(), &known.id).await;
    removed.map_err(|error| Failure::store(&request, &error))?;
    Ok(HttpResponse::NoContent().finish())
}

/// Reads a document again from its address or its file, in the background. Nothing changes where its text has not.
///
/// # Errors
/// 404 for an unknown agent or document, 409 for one that was handed in as text.
#[utoipa::path(post, path = "/api/agents/{id}/documents/{document_id}/refresh", tag = "knowledge", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The agent."), ("document_id" = String, Path, description = "The document.")),
    responses((status = 202, description = "It is going to be read.", body = Document),
              (status = 404, description = "There is no such agent or document.", body = crate::api::failure::FailureBody),
              (status = 409, description = "It was handed in as text.", body = crate::api::failure::FailureBody)))]
pub async fn refresh(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Failure> {
    let known = document(&request, caller.workspace_id(), &doors, &path).await?;
    let refreshed = doors.switchboard.refresh_document(caller.workspace_id(), &known).await;
    Ok(HttpResponse::Accepted().json(refreshed.map_err(|untaken| refuse(&request, untaken))?))
}

/// Searches what an agent knows, as it does for its answers.
///
/// # Errors
/// 400 for a query that is not as documented, 404 for an unknown agent.
#[utoipa::path(get, path = "/api/agents/{id}/knowledge/search", tag = "knowledge", extensions(("x-permission" = json!("read"))),
    params(("id" = String, Path, description = "The agent."),
           ("q" = String, Query, max_length = 1_000, min_length = 1, description = "A question, 1 to 1,000 characters.", example = "How long can I return something?"),
           ("limit" = Option<i64>, Query, minimum = 1, maximum = 100, description = "Most passages to give, 1 to 100, else 20.")),
    responses((status = 200, description = "The passages.", body = Passages),
              (status = 400, description = "The query is not as documented.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such agent.", body = crate::api::failure::FailureBody)))]
pub async fn search(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let agent = find(&request, caller.workspace_id(), &doors, &path).await?;
    let mut query = Query::of(&request);
    let limit = query.number("limit", 1..=100).unwrap_or(20);
    let question = query.text("q").filter(|text| (1..=LONGEST_QUESTION).contains(&text.chars().count()));
    query.check(&request)?;
    let question = question.ok_or_else(|| {
        Failure::fields(&request, &[FieldProblem::new("q", format!("1 to {LONGEST_QUESTION} characters"))])
    })?;
    let found = doors.switchboard.search_knowledge(caller.workspace_id(), &agent.id, &question, limit).await;
    let (found, found_by) = found.map_err(|error| Failure::store(&request, &error))?;
    let items: Vec<FoundPassage> = found
        .into_iter()
        .map(|found| FoundPassage { title: found.title, source: found.source, text: found.text, score: found.score })
        .collect();
    Ok(HttpResponse::Ok().json(Passages { total: items.len(), items, found_by }))
}

/// The document that an address names.
async fn document(
    request: &HttpRequest,
    workspace_id: &str,
    doors: &Doors,
    (agent_id, id): &(String, String),
) -> Result<Document, Failure> {
    let agent = find(request, workspace_id, doors, agent_id).await?;
    let id = reading::id(request, id, "document")?;
    let found = doors.switchboard.store.document(workspace_id, &id).await;
    let found = found.map_err(|error| Failure::store(request, &error))?;
    found.filter(|found| found.agent_id == agent.id).ok_or_else(|| Failure::not_found(request, "document"))
}

/// Reads what is handed in: JSON, or the bytes of a file under their own type.
async fn handed(
    request: &HttpRequest,
    workspace_id: &str,
    doors: &Doors,
    payload: web::Payload,
) -> Result<NewDocument, Failure> {
    let [title, source, filename] = particulars(request)?;
    let media_type = request.content_type().to_ascii_lowercase();
    if media_type == "application/json" {
        let asked: DocumentToGive = reading::json(request, doors, payload).await?;
        return judged(request, doors, asked).await;
    }
    let Some(format) = Format::of(&media_type, filename.as_deref().unwrap_or_default()) else {
        let sentence = "send application/json, text/html, text/markdown, text/plain or application/pdf";
        return Err(Failure::new(request, Code::UnsupportedMediaType, sentence));
    };
    let limit = usize::try_from(LARGEST_DOCUMENT).unwrap_or(usize::MAX);
    let bytes = reading::body(request, doors, payload, limit).await?;
    let mut problems = Vec::new();
    if bytes.is_empty() {
        problems.push(FieldProblem::new("body", "the bytes of a file"));
    }
    if title.is_none() && source.is_none() && filename.is_none() {
        problems.push(FieldProblem::new("filename", "a filename, a title or a source"));
    }
    if !problems.is_empty() {
        return Err(Failure::fields(request, &problems));
    }
    // A name that says Markdown makes plain text Markdown; its charset stays as it was stated.
    let stated = request.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type =
        if format == Format::Markdown { stated.replace("text/plain", "text/markdown") } else { stated.to_owned() };
    let unfiled = |error: crate::usecases::filing::Unfiled| Failure::unavailable(request, &error.to_string());
    let mut intake = doors.switchboard.begin_file().await.map_err(unfiled)?;
    intake.write(&bytes).await.map_err(unfiled)?;
    let file = intake.keep(workspace_id, media_type, filename).await.map_err(unfiled)?;
    Ok(NewDocument { title, source, handed: Handed::File(file), key: None })
}

/// What the query says about a file: its title, source and name.
fn particulars(request: &HttpRequest) -> Result<[Option<String>; 3], Failure> {
    let query = Query::of(request);
    let mut problems = Vec::new();
    let title = line("title", query.text("title"), LONGEST_TITLE, &mut problems);
    let source = line("source", query.text("source"), LONGEST_SOURCE, &mut problems);
    let filename = line("filename", query.text("filename"), 240, &mut problems);
    if problems.is_empty() { Ok([title, source, filename]) } else { Err(Failure::fields(request, &problems)) }
}

async fn judged(request: &HttpRequest, doors: &Doors, asked: DocumentToGive) -> Result<NewDocument, Failure> {
    let DocumentToGive { title, source, text, format, url } = asked;
    let mut problems = Vec::new();
    let title = line("title", title, LONGEST_TITLE, &mut problems);
    let source = line("source", source, LONGEST_SOURCE, &mut problems);
    let handed = match (text, url) {
        (Some(text), None) => {
            if text.trim().is_empty() {
                problems.push(FieldProblem::new("text", "a text that is not empty"));
            }
            if title.is_none() {
                problems.push(FieldProblem::new("title", "the document's title"));
            }
            let plain = format == Some(TextFormat::Text);
            Some(Handed::Text { text, markup: if plain { Markup::Plain } else { Markup::Markdown } })
        }
        (None, Some(address)) => {
            if let Err(expected) = judge_address(doors, &address).await {
                problems.push(FieldProblem::new("url", expected));
            }
            Some(Handed::Url(address))
        }
        _ => {
            problems.push(FieldProblem::new("text", "the document's text, or its url, one of the two"));
            None
        }
    };
    match handed {
        Some(handed) if problems.is_empty() => Ok(NewDocument { title, source, handed, key: None }),
        _ => Err(Failure::fields(request, &problems)),
    }
}

/// An address is entered by whoever has a key: the gateway goes to none within its own network.
async fn judge_address(doors: &Doors, address: &str) -> Result<(), String> {
    let refused = |error: crate::net::NetError| format!("an http or https address on the public internet ({error})");
    if address.chars().count() > LONGEST_SOURCE {
        return Err(format!("at most {LONGEST_SOURCE} characters"));
    }
    doors.client.trusting(Trust::Outside).check_address(address).map_err(refused)?;
    doors.client.check_entered(address).await.map_err(refused)
}

/// A text on one line, without blanks at its ends; an empty one is none.
fn line(field: &str, text: Option<String>, longest: usize, problems: &mut Vec<FieldProblem>) -> Option<String> {
    let text = text?;
    let plain = text.trim();
    if text.chars().count() > longest || plain.contains(char::is_control) {
        problems.push(FieldProblem::new(field, format!("at most {longest} characters on one line")));
    }
    (!plain.is_empty()).then(|| plain.to_owned())
}

fn refuse(request: &HttpRequest, untaken: Untaken) -> Failure {
    match untaken {
        Untaken::Unknown => Failure::not_found(request, "document"),
        Untaken::Taken => Failure::new(request, Code::Conflict, "the agent has a document of this source already"),
        Untaken::Unrefreshable => {
            Failure::new(request, Code::Conflict, "the document was handed in as text; replace it instead")
        }
        Untaken::KeyMismatch => {
            let sentence = "this Idempotency-Key was used before with a different request";
            Failure::new(request, Code::IdempotencyMismatch, sentence)
        }
        Untaken::Gone => Failure::new(request, Code::Conflict, "what this Idempotency-Key made was deleted since"),
        Untaken::Store(error) => Failure::store(request, &error),
    }
}
