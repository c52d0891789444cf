//! `/api/templates`: the message templates that vendors approve.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::authentication::{Caller, Manage, Read};
use crate::api::failure::{Failure, no_such_method};
use crate::api::reading::{self, Page, Query};
use crate::api::{Doors, auditing};
use crate::domain::audit::Action;
use crate::domain::errors::Code;
use crate::domain::templates::Template;
use crate::store::templates::TemplateFilter;
use crate::usecases::templating::{ListState, NewTemplate, Refusal};

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .service(
            web::resource("/api/templates")
                .route(web::get().to(list))
                .route(web::post().to(create))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/templates/{id}")
                .route(web::get().to(one))
                .route(web::delete().to(delete))
                .default_service(web::route().to(no_such_method)),
        );
}

/// A page of templates.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Templates {
    /// The templates by name.
    pub items: Vec<Template>,
    /// How many there are in all.
    #[schema(example = 1)]
    pub total: i64,
    /// The lists that they are from, one for each channel that has templates.
    pub lists: Vec<TemplateList>,
}

/// How old the list of a channel's templates is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TemplateList {
    /// The channel.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000003")]
    pub channel_id: String,
    /// When it was last read from the vendor, Unix milliseconds; null: never, or it has changed since.
    #[schema(example = 1_767_225_600_000_i64)]
    pub read_at: Option<i64>,
    /// Why it could not be read just now; null: it was, or did not have to be.
    #[schema(example = json!(null))]
    pub problem: Option<String>,
}

impl From<ListState> for TemplateList {
    fn from(state: ListState) -> Self {
        Self { channel_id: state.channel_id, read_at: state.read_at, problem: state.problem }
    }
}

/// Which templates to list.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what the handler reads")]
pub struct Filter {
    /// Only those of this channel.
    channel_id: Option<String>,
    /// Only those with this status, in the vendor's word.
    #[param(example = "APPROVED")]
    status: Option<String>,
    /// Only those in this language.
    #[param(example = "en_US")]
    language: Option<String>,
    /// Only those of this category.
    #[param(example = "UTILITY")]
    category: Option<String>,
    /// Only those of this name.
    #[param(example = "order_confirmation")]
    name: Option<String>,
    /// Only those in whose name or parts this stands, in whatever case.
    q: Option<String>,
}

/// A template to hand in.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateToSubmit {
    /// The channel whose vendor approves it.
    #[schema(format = "uuid", example = "0198c1d2-7e00-7000-8000-000000000003")]
    channel_id: String,
    /// Its name, as the vendor takes it.
    #[schema(format = "plain", min_length = 1, max_length = 512, example = "order_shipped")]
    name: String,
    /// Its language code.
    #[schema(pattern = "^[A-Za-z0-9_-]{1,32}$", example = "en_US")]
    language: String,
    /// `UTILITY`, `MARKETING` or `AUTHENTICATION`.
    #[schema(pattern = "^[A-Za-z0-9_-]{1,32}$", example = "UTILITY")]
    category: String,
    /// Its parts, as the vendor describes them.
    #[schema(value_type = Vec<Object>, min_items = 1, max_items = 20, example = json!([{ "type": "BODY", "text": "Your order is on its way." }]))]
    components: Vec<Value>,
}

/// Lists the message templates of the workspace's channels. They are read from the vendors when the list is older than a
/// minute or has changed; where a vendor does not answer, what it listed last is told, with the reason in `lists`.
///
/// # Errors
/// 400 for a query that is not as documented.
#[utoipa::path(get, path = "/api/templates", tag = "templates", extensions(("x-permission" = json!("read"))), params(Filter, Page),
    responses((status = 200, description = "The templates.", body = Templates),
              (status = 400, description = "The query is not as documented.", body = crate::api::failure::FailureBody)))]
pub async fn list(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Failure> {
    let mut query = Query::of(&request);
    let filter = TemplateFilter {
        channel_id: query.text("channel_id"),
        status: query.text("status"),
        language: query.text("language"),
        category: query.text("category"),
        name: query.text("name"),
        q: query.text("q"),
    };
    let page = query.page();
    query.check(&request)?;
    let listed = doors.switchboard.templates(caller.workspace_id(), &filter, page, &doors.client).await;
    let listed = listed.map_err(|error| Failure::store(&request, &error))?;
    let lists = listed.lists.into_iter().map(TemplateList::from).collect();
    Ok(HttpResponse::Ok().json(Templates { items: listed.items, total: listed.total, lists }))
}

/// Hands a template in for approval. A repeated `Idempotency-Key` gives the first one again, with
/// `Idempotent-Replayed: true`.
///
/// # Errors
/// 400 for fields that are not as documented, 404 for an unknown channel, 409 when there is one of that name and language,
/// the channel's kind has none or the key was used for something else, 422 for what the vendor refuses, 502 when the vendor refuses the account or does not answer.
#[utoipa::path(post, path = "/api/templates", tag = "templates", extensions(("x-permission" = json!("manage"))),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters: the same key hands it in once.")),
    request_body = TemplateToSubmit,
    responses((status = 201, description = "The template, with the status that the vendor gave it.", body = Template),
              (status = 400, description = "Fields are not as documented.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such channel.", body = crate::api::failure::FailureBody),
              (status = 409, description = "There is one already, the channel's kind has none, or the key was used for something else.", body = crate::api::failure::FailureBody),
              (status = 422, description = "The vendor refuses it; the field is named, with what it says.", body = crate::api::failure::FailureBody),
              (status = 502, description = "The vendor refused the account, or did not answer.", body = crate::api::failure::FailureBody)))]
pub async fn create(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let key = reading::idempotency_key(&request)?;
    let TemplateToSubmit { channel_id, name, language, category, components } =
        reading::json(&request, &doors, payload).await?;
    let wanted = NewTemplate { channel_id, name, language, category, components };
    let submitted = doors.switchboard.submit_template(caller.workspace_id(), wanted, key, &doors.client).await;
    let (template, repeated) = submitted.map_err(|refusal| refuse(&request, refusal))?;
    let mut response = HttpResponse::Created();
    if repeated {
        response.insert_header(("Idempotent-Replayed", "true"));
    } else {
        let detail = json!({ "channel_id": template.channel_id, "name": template.name, "language": template.language });
        auditing::note(&request, &doors, &caller, Action::TemplateSubmitted, &template.id, detail).await;
    }
    Ok(response.json(template))
}

/// Reads one template, as its vendor listed it last.
///
/// # Errors
/// 404 for an unknown template.
#[utoipa::path(get, path = "/api/templates/{id}", tag = "templates", extensions(("x-permission" = json!("read"))),
    params(("id" = String, Path, description = "The template.")),
    responses((status = 200, description = "The template.", body = Template),
              (status = 404, description = "There is no such template.", body = crate::api::failure::FailureBody)))]
pub async fn one(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = reading::id(&request, &path, "template")?;
    let found = doors.switchboard.store.template(caller.workspace_id(), &id).await;
    let found = found.map_err(|error| Failure::store(&request, &error))?;
    Ok(HttpResponse::Ok().json(found.ok_or_else(|| Failure::not_found(&request, "template"))?))
}

/// Ends a template at its vendor, in its one language.
///
/// # Errors
/// 404 for an unknown template, 502 when the vendor refuses or does not answer.
#[utoipa::path(delete, path = "/api/templates/{id}", tag = "templates", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The template.")),
    responses((status = 204, description = "It has ended."),
              (status = 422, description = "The vendor cannot be told which one is meant.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such template.", body = crate::api::failure::FailureBody),
              (status = 502, description = "The vendor refused, or did not answer.", body = crate::api::failure::FailureBody)))]
pub async fn delete(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = reading::id(&request, &path, "template")?;
    let ended = doors.switchboard.end_template(caller.workspace_id(), &id, &doors.client).await;
    let ended = ended.map_err(|refusal| refuse(&request, refusal))?;
    let detail = json!({ "channel_id": ended.channel_id, "name": ended.name, "language": ended.language });
    auditing::note(&request, &doors, &caller, Action::TemplateEnded, &id, detail).await;
    Ok(HttpResponse::NoContent().finish())
}

/// What the use case refused, in the envelope.
pub(super) fn refuse(request: &HttpRequest, refusal: Refusal) -> Failure {
    match refusal {
        Refusal::Unknown => Failure::not_found(request, "template"),
        Refusal::Fields(problems) => Failure::fields(request, &problems),
        Refusal::Exists(failure) => Failure::new(request, Code::Conflict, failure.message)
            .with(json!({ "field": "name", "vendor_code": failure.vendor_code, "vendor_message": failure.vendor_message })),
        Refusal::Refused(problem) => {
            Failure::new(request, Code::InvalidContent, format!("the vendor refuses the field {}", problem.field))
                .with(json!([problem]))
        }
        Refusal::NoTemplates => Failure::new(request, Code::Conflict, "channels of this kind have no templates"),
        Refusal::KeyMismatch => Failure::key_mismatch(request),
        Refusal::Gone => Failure::new(request, Code::Conflict, "what this Idempotency-Key made is gone since"),
        Refusal::Vendor(failure) => Failure::new(request, Code::UpstreamFailed, failure.message)
            .with(json!({ "code": failure.code, "vendor_code": failure.vendor_code, "vendor_message": failure.vendor_message })),
        Refusal::Upstream(reason) => Failure::new(request, Code::UpstreamFailed, reason),
        Refusal::Store(error) => Failure::store(request, &error),
    }
}
