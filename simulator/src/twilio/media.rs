//! Media of Twilio's messages: listed, fetched by way of a redirect, deleted. The bytes lie with the other files.

use actix_web::HttpResponse;
use serde_json::{Value, json};

use super::TwilioAccount;
use crate::graph::media::open_url;
use crate::world::World;

/// The address of a file of a message.
pub fn address(world: &World, account: &TwilioAccount, message: &str, media: &str) -> String {
    format!("{}/2010-04-01/Accounts/{}/Messages/{message}/Media/{media}", world.base_url, account.account_sid)
}

/// The redirect to the store, where no credentials are wanted.
pub fn redirect(world: &World, media: &str) -> Option<HttpResponse> {
    world.media.get(media)?;
    Some(HttpResponse::TemporaryRedirect().insert_header(("Location", open_url(world, media))).finish())
}

/// The files of one message.
pub fn list(world: &World, account: &TwilioAccount, message: &str) -> Value {
    let kept = world.twilio_state.message(message).unwrap_or_default();
    let sids = kept.get("media_sids").and_then(Value::as_array).cloned().unwrap_or_default();
    let files: Vec<Value> = sids
        .iter()
        .filter_map(|sid| world.media.get(sid.as_str()?))
        .map(|media| {
            json!({"sid": media.id, "account_sid": account.account_sid, "parent_sid": message,
                "content_type": media.mime_type, "uri": format!("/2010-04-01/Accounts/{}/Messages/{message}/Media/{}.json",
                account.account_sid, media.id)})
        })
        .collect();
    json!({"media_list": files, "page": 0, "page_size": 50, "next_page_uri": null})
}
