//! `/api/channels`: the accounts through which people reach the workspace, without their secrets.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use switchboard_channels::Kind;

use crate::api::Doors;
use crate::api::authentication::Caller;
use crate::api::failure::{Failure, no_such_method};
use crate::api::reading::{self, Page, Query};
use crate::domain::channels::{Channel, ChannelState};

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .service(
            web::resource("/api/channels").route(web::get().to(list)).default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/channels/{id}")
                .route(web::get().to(one))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/channels/{id}/pause")
                .route(web::post().to(pause))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/channels/{id}/resume")
                .route(web::post().to(resume))
                .default_service(web::route().to(no_such_method)),
        );
}

/// A page of channels.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Channels {
    /// The channels by name.
    pub items: Vec<ChannelView>,
    /// How many there are in all.
    #[schema(example = 1)]
    pub total: usize,
}

/// A channel.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Channel)]
pub struct ChannelView {
    /// UUID.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000003")]
    pub id: String,
    /// What kind.
    pub kind: Kind,
    /// Unique name in the workspace.
    #[schema(example = "main")]
    pub name: String,
    /// The agent that answers; null: nobody does.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000002")]
    pub agent_id: Option<String>,
    /// The vendor's id of our number, page or mailbox.
    #[schema(example = "106540352242922")]
    pub account: Option<String>,
    /// The vendor's id of the business account.
    #[schema(example = "102290129340398")]
    pub business: Option<String>,
    /// Whether it sends.
    pub state: ChannelState,
    /// Why it does not.
    #[schema(example = "the vendor does not accept the access token")]
    pub state_reason: Option<String>,
    /// Where its vendor delivers; null for our own channels.
    #[schema(example = "https://switchboard.example/api/webhooks/whatsapp/0198c1d2-7e00-7000-8000-000000000003")]
    pub callback_url: Option<String>,
}

impl ChannelView {
    fn new(request: &HttpRequest, channel: Channel) -> Self {
        let callback_url = (!channel.kind.is_ours()).then(|| {
            let own = request.connection_info();
            format!("{}://{}/api/webhooks/{}/{}", own.scheme(), own.host(), channel.kind.as_str(), channel.id)
        });
        Self {
            id: channel.id,
            kind: channel.kind,
            name: channel.name,
            agent_id: channel.agent_id,
            account: channel.account,
            business: channel.business,
            state: channel.state,
            state_reason: channel.state_reason,
            callback_url,
        }
    }
}

/// Lists the channels of the workspace.
///
/// # Errors
/// 400 for a query that is not as documented.
#[utoipa::path(get, path = "/api/channels", tag = "channels", params(Page),
    responses((status = 200, description = "The channels.", body = Channels),
              (status = 400, description = "The query is not as documented.", body = crate::api::failure::FailureBody)))]
pub async fn list(request: HttpRequest, caller: Caller, doors: web::Data<Doors>) -> Result<HttpResponse, Failure> {
    let mut query = Query::of(&request);
    let (limit, offset) = query.page();
    query.check(&request)?;
    let found = doors.switchboard.store.channels(caller.workspace_id()).await;
    let found = found.map_err(|error| Failure::store(&request, &error))?;
    let total = found.len();
    let page = found.into_iter().skip(usize::try_from(offset).unwrap_or(usize::MAX));
    let page = page.take(usize::try_from(limit).unwrap_or_default());
    let items = page.map(|channel| ChannelView::new(&request, channel)).collect();
    Ok(HttpResponse::Ok().json(Channels { items, total }))
}

/// Reads one channel.
///
/// # Errors
/// 404 for an unknown channel.
#[utoipa::path(get, path = "/api/channels/{id}", tag = "channels",
    params(("id" = String, Path, description = "The channel.")),
    responses((status = 200, description = "The channel.", body = ChannelView),
              (status = 404, description = "There is no such channel.", body = crate::api::failure::FailureBody)))]
pub async fn one(
    request: HttpRequest,
    caller: Caller,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let channel = find(&request, &caller, &doors, &path).await?;
    Ok(HttpResponse::Ok().json(ChannelView::new(&request, channel)))
}

/// Makes a channel's sends wait. It still receives.
///
/// # Errors
/// 404 for an unknown channel.
#[utoipa::path(post, path = "/api/channels/{id}/pause", tag = "channels",
    params(("id" = String, Path, description = "The channel.")),
    responses((status = 200, description = "The channel as it is now.", body = ChannelView),
              (status = 404, description = "There is no such channel.", body = crate::api::failure::FailureBody)))]
pub async fn pause(
    request: HttpRequest,
    caller: Caller,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let reason = format!("paused by {}", caller.0.name);
    set(&request, &caller, &doors, &path, ChannelState::Paused, Some(&reason)).await
}

/// Lets a channel send again: what waited leaves.
///
/// # Errors
/// 404 for an unknown channel.
#[utoipa::path(post, path = "/api/channels/{id}/resume", tag = "channels",
    params(("id" = String, Path, description = "The channel.")),
    responses((status = 200, description = "The channel as it is now.", body = ChannelView),
              (status = 404, description = "There is no such channel.", body = crate::api::failure::FailureBody)))]
pub async fn resume(
    request: HttpRequest,
    caller: Caller,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    set(&request, &caller, &doors, &path, ChannelState::Active, None).await
}

async fn set(
    request: &HttpRequest,
    caller: &Caller,
    doors: &Doors,
    id: &str,
    state: ChannelState,
    reason: Option<&str>,
) -> Result<HttpResponse, Failure> {
    let channel = find(request, caller, doors, id).await?;
    let switchboard = &doors.switchboard;
    let changed = switchboard.store.set_channel_state(&channel.id, state, reason).await;
    changed.map_err(|error| Failure::store(request, &error))?;
    switchboard.directory.forget_channel(&channel.id);
    let channel = Channel { state, state_reason: reason.map(str::to_owned), ..channel };
    Ok(HttpResponse::Ok().json(ChannelView::new(request, channel)))
}

async fn find(request: &HttpRequest, caller: &Caller, doors: &Doors, id: &str) -> Result<Channel, Failure> {
    let id = reading::id(request, id, "channel")?;
    let found = doors.switchboard.store.channel_by_id(&id).await.map_err(|error| Failure::store(request, &error))?;
    found
        .filter(|channel| channel.workspace_id == caller.workspace_id())
        .ok_or_else(|| Failure::not_found(request, "channel"))
}
