//! What agents can note for somebody of the team to come back to, and what is noted already.

use futures_util::FutureExt as _;
use serde::Deserialize;
use serde_json::json;

use super::tasks::WHEN;
use super::{Entry, about, arguments, once, subject};
use crate::domain::actions::{ActionError, Call, Occasion, Outcome};
use crate::domain::follow_ups::{FollowUpFields, FollowUpStatus};
use crate::domain::principals::Permission;
use crate::domain::tasks::Source;
use crate::store::follow_ups::FollowUpFilter;
use crate::usecases::Switchboard;

/// Most follow-ups that one list gives: of the longest, no more than a model can be told at once.
const MOST_LISTED: i64 = 12;

pub(super) const SET: Entry = Entry {
    name: "set_follow_up",
    description: "Notes that somebody of the team shall come back to this person, and when.",
    parameters: || {
        json!({
            "type": "object", "additionalProperties": false, "required": ["note", "due"],
            "properties": {
                "note": { "type": "string", "minLength": 1, "maxLength": 2_000, "description": "What about." },
                "due": { "type": "string", "minLength": 1, "maxLength": 200, "description": WHEN },
                "contact_id": about(),
            },
        })
    },
    permission: Permission::Write,
    team_only: false,
    run: |tools, occasion, call| set(&tools.switchboard, occasion, call).boxed(),
};

pub(super) const LIST: Entry = Entry {
    name: "list_follow_ups",
    description: "Reads the follow-ups that are still to be done, the next at the top: with a customer those about them, \
                  else all.",
    parameters: || json!({ "type": "object", "additionalProperties": false, "properties": { "contact_id": about() } }),
    permission: Permission::Read,
    team_only: false,
    run: |tools, occasion, call| list(&tools.switchboard, occasion, call).boxed(),
};

async fn set(switchboard: &Switchboard, occasion: &Occasion, call: Call) -> Result<Outcome, ActionError> {
    let mut said: FollowUpFields = arguments(&call)?;
    said.contact_id = Some(subject(switchboard, occasion, said.contact_id.flatten()).await?);
    said.conversation_id = Some(occasion.conversation_id.clone());
    let key = Some(occasion.key(&call));
    let (made, _) = switchboard.add_follow_up(&occasion.workspace_id, &said, Source::Agent, key).await.map_err(once)?;
    Ok(json!({ "follow_up": made }).into())
}

#[derive(Deserialize)]
struct List {
    contact_id: Option<String>,
}

async fn list(switchboard: &Switchboard, occasion: &Occasion, call: Call) -> Result<Outcome, ActionError> {
    let List { contact_id } = arguments(&call)?;
    let contact_id = subject(switchboard, occasion, contact_id).await?;
    let filter = FollowUpFilter { status: Some(FollowUpStatus::Pending), due_before: None, contact_id };
    let (found, total) = switchboard.store.follow_ups(&occasion.workspace_id, &filter, MOST_LISTED, 0).await?;
    Ok(json!({ "follow_ups": found, "total": total }).into())
}
