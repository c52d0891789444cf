//! `/api/channels`: the accounts through which people reach the workspace. Their settings come in and never go out.

mod changes;
mod deeds;

pub use changes::*;
pub use deeds::*;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use switchboard_channels::Kind;

use crate::api::Doors;
use crate::api::authentication::{Caller, Read};
use crate::api::failure::{Failure, no_such_method};
use crate::api::reading::{self, Page, Query};
use crate::domain::channels::{Channel, ChannelState, Origin};
use crate::domain::principals::Principal;
use crate::usecases::vendors::rotation;

/// Adds the addresses.
pub fn configure(services: &mut web::ServiceConfig) {
    services
        .service(
            web::resource("/api/channels")
                .route(web::get().to(list))
                .route(web::post().to(changes::create))
                .default_service(web::route().to(no_such_method)),
        )
        .service(
            web::resource("/api/channels/{id}")
                .route(web::get().to(one))
                .route(web::patch().to(changes::amend))
                .route(web::delete().to(changes::remove))
                .default_service(web::route().to(no_such_method)),
        )
        .configure(deeds::configure);
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
    /// Who declared it. Where a place in its settings was named through the API, it is called on the public internet only.
    pub origin: Origin,
    /// Where its vendor delivers; null for our own channels.
    #[schema(example = "https://switchboard.example/api/webhooks/whatsapp/0198c1d2-7e00-7000-8000-000000000003")]
    pub callback_url: Option<String>,
    /// The names of the settings that are set; what they hold is never told.
    #[schema(example = json!(["access_token", "app_secret", "phone_number_id", "verify_token"]))]
    pub settings_set: Vec<String>,
    /// The secrets that were replaced and are still accepted.
    pub retiring: Vec<RetiringView>,
}

/// A secret that was replaced and is still accepted.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = RetiringSecret)]
pub struct RetiringView {
    /// The setting whose secret it was.
    #[schema(example = "app_secrets")]
    pub setting: String,
    /// Until when, Unix milliseconds.
    #[schema(example = 1_767_312_000_000_i64)]
    pub until: i64,
}

impl ChannelView {
    fn new(request: &HttpRequest, doors: &Doors, channel: Channel) -> Self {
        let retiring = rotation::retiring(&channel.settings, doors.switchboard.now());
        Self {
            callback_url: callback_path(&channel).map(|path| format!("{}{path}", own_address(request, doors))),
            settings_set: rotation::entered(&channel.settings).into_iter().map(|(name, _)| name).collect(),
            retiring: retiring.into_iter().map(|old| RetiringView { setting: old.setting, until: old.until }).collect(),
            id: channel.id,
            kind: channel.kind,
            name: channel.name,
            agent_id: channel.agent_id,
            account: channel.account,
            business: channel.business,
            state: channel.state,
            state_reason: channel.state_reason,
            origin: channel.origin,
        }
    }
}

/// Where the channel's vendor delivers, on whichever host; none for our own channels.
fn callback_path(channel: &Channel) -> Option<String> {
    (!channel.kind.is_ours()).then(|| format!("/api/webhooks/{}/{}", channel.kind.as_str(), channel.id))
}

/// Where this gateway is reached: as its operator says, or else as this caller did.
fn own_address(request: &HttpRequest, doors: &Doors) -> String {
    doors.options.public_url.clone().unwrap_or_else(|| {
        let own = request.connection_info();
        format!("{}://{}", own.scheme(), own.host())
    })
}

/// Lists the channels of the workspace.
///
/// # Errors
/// 400 for a query that is not as documented.
#[utoipa::path(get, path = "/api/channels", tag = "channels", extensions(("x-permission" = json!("read"))), params(Page),
    responses((status = 200, description = "The channels.", body = Channels),
              (status = 400, description = "The query is not as documented.", body = crate::api::failure::FailureBody)))]
pub async fn list(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Failure> {
    let mut query = Query::of(&request);
    let (limit, offset) = query.page();
    query.check(&request)?;
    let found = doors.switchboard.store.channels(caller.workspace_id()).await;
    let found = found.map_err(|error| Failure::store(&request, &error))?;
    let total = found.len();
    let page = found.into_iter().skip(usize::try_from(offset).unwrap_or(usize::MAX));
    let page = page.take(usize::try_from(limit).unwrap_or_default());
    let items = page.map(|channel| ChannelView::new(&request, &doors, channel)).collect();
    Ok(HttpResponse::Ok().json(Channels { items, total }))
}

/// Reads one channel.
///
/// # Errors
/// 404 for an unknown channel.
#[utoipa::path(get, path = "/api/channels/{id}", tag = "channels", extensions(("x-permission" = json!("read"))),
    params(("id" = String, Path, description = "The channel.")),
    responses((status = 200, description = "The channel.", body = ChannelView),
              (status = 404, description = "There is no such channel.", body = crate::api::failure::FailureBody)))]
pub async fn one(
    request: HttpRequest,
    caller: Caller<Read>,
    doors: web::Data<Doors>,
    path: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let channel = find(&request, &caller, &doors, &path).await?;
    Ok(HttpResponse::Ok().json(ChannelView::new(&request, &doors, channel)))
}

/// The channel of the address, in the caller's workspace.
async fn find(request: &HttpRequest, caller: &Principal, doors: &Doors, id: &str) -> Result<Channel, Failure> {
    let id = reading::id(request, id, "channel")?;
    let found = doors.switchboard.store.channel(caller.workspace_id(), &id).await;
    found.map_err(|error| Failure::store(request, &error))?.ok_or_else(|| Failure::not_found(request, "channel"))
}
