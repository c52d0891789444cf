//! Channels made, changed and removed. A setting goes in and never comes out again.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};
use switchboard_channels::Kind;

use super::ChannelView;
use crate::api::authentication::{Caller, Manage};
use crate::api::failure::Failure;
use crate::api::{Doors, auditing, reading};
use crate::domain::audit::Action;
use crate::domain::errors::{Code, FieldProblem};
use crate::usecases::channels::{Amendment, NewChannel, Unchanged};
use crate::usecases::vendors::settings::is_place;

/// A channel to make.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelToMake {
    /// What kind; not `api`, which every workspace has.
    kind: Kind,
    /// Unique name in the workspace, 1 to 200 characters.
    #[schema(format = "name", max_length = 200, example = "main")]
    name: String,
    /// The agent that answers; absent: nobody does.
    #[schema(format = "uuid", example = "0198c1d2-7e00-7000-8000-000000000002")]
    agent_id: Option<String>,
    /// The kind's settings, as `docs/channels/` lists them.
    #[serde(default)]
    #[schema(value_type = Object, example = json!({
        "phone_number_id": "106540352242922", "waba_id": "102290129340398", "access_token": "EAAG…",
        "app_secret": "614fc2…", "verify_token": "a word of your choice",
    }))]
    settings: Map<String, Value>,
}

/// What of a channel shall be otherwise; what is absent stays.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelAmendment {
    /// Another name.
    #[schema(format = "name", max_length = 200, example = "main number")]
    name: Option<String>,
    /// The agent that answers; null: nobody does.
    #[serde(default, deserialize_with = "given")]
    #[schema(format = "uuid", value_type = Option<String>, example = "0198c1d2-7e00-7000-8000-000000000002")]
    agent_id: Option<Option<String>>,
    /// Settings to change, member by member: null removes one, what is absent stays.
    #[serde(default)]
    #[schema(value_type = Object, example = json!({ "access_token": "EAAH…", "waba_id": null }))]
    settings: Map<String, Value>,
}

/// Tells null from absent.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Makes a channel. A repeated `Idempotency-Key` gives the first channel again, with `Idempotent-Replayed: true`.
///
/// # Errors
/// 400 for fields that cannot work, each by its name, such as `settings.access_token`; 409 when the name or the vendor's
/// account is another channel's, or the key was used for something else.
#[utoipa::path(post, path = "/api/channels", tag = "channels", extensions(("x-permission" = json!("manage"))),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters: the same key makes it once.")),
    request_body = ChannelToMake,
    responses((status = 201, description = "The channel.", body = ChannelView),
              (status = 400, description = "Fields cannot work; each is named, such as `settings.access_token`.", body = crate::api::failure::FailureBody),
              (status = 409, description = "Another channel has the name or the account, or the key was used for something else.", body = crate::api::failure::FailureBody)))]
pub async fn create(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let key = reading::idempotency_key(&request)?;
    let asked: ChannelToMake = reading::json(&request, &doors, payload).await?;
    let ChannelToMake { kind, name, agent_id, settings } = asked;
    judge_places(&request, &doors, &settings).await?;
    let wanted = NewChannel { kind, name, agent_id, settings, key };
    let made = doors.switchboard.create_channel(caller.workspace_id(), wanted).await;
    let (channel, repeated) = made.map_err(|unchanged| refuse(&request, unchanged))?;
    if !repeated {
        let detail = json!({ "kind": channel.kind, "name": channel.name });
        auditing::note(&request, &doors, &caller, Action::ChannelCreated, &channel.id, detail).await;
    }
    let mut response = HttpResponse::Created();
    if repeated {
        response.insert_header(("Idempotent-Replayed", "true"));
    }
    Ok(response.json(ChannelView::new(&request, &doors, channel)))
}

/// Changes a channel's name, agent or settings. Settings change member by member; a secret that is replaced here counts
/// no longer at once, so use `rotate` for those that sign deliveries. Changed settings let a stopped channel try again.
///
/// # Errors
/// 400 for fields that cannot work, each by its name; 404 for an unknown channel; 409 when the name or the vendor's
/// account is another channel's.
#[utoipa::path(patch, path = "/api/channels/{id}", tag = "channels", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The channel.")),
    request_body = ChannelAmendment,
    responses((status = 200, description = "The channel as it is now.", body = ChannelView),
              (status = 400, description = "Fields cannot work; each is named, such as `settings.access_token`.", body = crate::api::failure::FailureBody),
              (status = 404, description = "There is no such channel.", body = crate::api::failure::FailureBody),
              (status = 409, description = "Another channel has the name or the account.", body = crate::api::failure::FailureBody)))]
pub async fn amend(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
    payload: web::Payload,
) -> Result<HttpResponse, Failure> {
    let id = super::find(&request, &caller, &doors, &path).await?.id;
    let asked: ChannelAmendment = reading::json(&request, &doors, payload).await?;
    judge_places(&request, &doors, &asked.settings).await?;
    let detail = json!({ "name": asked.name, "settings": asked.settings.keys().collect::<Vec<_>>() });
    let amendment = Amendment { name: asked.name, agent_id: asked.agent_id, settings: asked.settings };
    let changed = doors.switchboard.amend_channel(caller.workspace_id(), &id, amendment).await;
    let channel = changed.map_err(|unchanged| refuse(&request, unchanged))?;
    auditing::note(&request, &doors, &caller, Action::ChannelChanged, &id, detail).await;
    Ok(HttpResponse::Ok().json(ChannelView::new(&request, &doors, channel)))
}

/// Removes a channel that has no conversation; what it delivered stays in the ledger. One with conversations stays, for
/// they are its customers' history: pause it instead.
///
/// # Errors
/// 404 for an unknown channel, 409 for one with conversations and for the workspace's API channel.
#[utoipa::path(delete, path = "/api/channels/{id}", tag = "channels", extensions(("x-permission" = json!("manage"))),
    params(("id" = String, Path, description = "The channel.")),
    responses((status = 204, description = "It is gone."),
              (status = 404, description = "There is no such channel.", body = crate::api::failure::FailureBody),
              (status = 409, description = "It has conversations, or is the workspace's API channel.", body = crate::api::failure::FailureBody)))]
pub async fn remove(
    request: HttpRequest,
    caller: Caller<Manage>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let id = reading::id(&request, &path, "channel")?;
    let removed = doors.switchboard.remove_channel(caller.workspace_id(), &id).await;
    removed.map_err(|unchanged| refuse(&request, unchanged))?;
    auditing::note(&request, &doors, &caller, Action::ChannelRemoved, &id, json!({})).await;
    Ok(HttpResponse::NoContent().finish())
}

/// What a use case refused, in the envelope.
pub(super) fn refuse(request: &HttpRequest, unchanged: Unchanged) -> Failure {
    match unchanged {
        Unchanged::Unknown => Failure::not_found(request, "channel"),
        Unchanged::Fields(problems) => Failure::fields(request, &problems),
        Unchanged::Conflict(reason) => Failure::new(request, Code::Conflict, reason),
        Unchanged::KeyMismatch => {
            Failure::new(request, Code::IdempotencyMismatch, "the Idempotency-Key was used for a different request")
        }
        Unchanged::Unavailable(reason) => Failure::unavailable(request, &reason),
    }
}

/// Settings that name a place on the network are entered by whoever has a key: the gateway goes to none within its own.
pub(super) async fn judge_places(
    request: &HttpRequest,
    doors: &Doors,
    settings: &serde_json::Map<String, serde_json::Value>,
) -> Result<(), Failure> {
    for (name, value) in settings {
        let Some(text) = value.as_str() else { continue };
        if is_place(name, value)
            && let Err(refused) = doors.client.check_entered(text).await
        {
            let expected = format!("a place on the public internet ({refused})");
            return Err(Failure::fields(request, &[FieldProblem::new(format!("settings.{name}"), expected)]));
        }
    }
    Ok(())
}
