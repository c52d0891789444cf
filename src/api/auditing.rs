//! What was done through a door, written into the audit log.

use actix_web::HttpRequest;
use serde_json::Value;

use super::{Doors, peer};
use crate::domain::audit::{Action, Deed};
use crate::domain::principals::Principal;

/// Writes down that the caller did this to that, in their workspace's log. `detail` is an object without secrets.
pub async fn note(
    request: &HttpRequest,
    doors: &Doors,
    caller: &Principal,
    action: Action,
    target: &str,
    detail: Value,
) {
    let deed = Deed {
        workspace_id: Some(caller.workspace_id.clone()),
        actor: Some(caller.actor.label()),
        actor_name: Some(caller.name.clone()),
        action,
        target: Some(target.to_owned()),
        ip: Some(peer::ip(request, &doors.options.trusted_proxies).to_string()),
        detail,
    };
    doors.switchboard.note(&deed).await;
}
