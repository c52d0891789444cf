//! What agents keep in mind about people, and find again: of the person they talk with, and of nobody else.

use futures_util::FutureExt as _;
use serde::Deserialize;
use serde_json::json;

use super::{Entry, arguments, once};
use crate::domain::actions::{ActionError, Call, Occasion, Outcome};
use crate::domain::memories::MemoryFields;
use crate::domain::principals::Permission;
use crate::usecases::Switchboard;

pub(super) const REMEMBER: Entry = Entry {
    name: "remember",
    description: "Keeps a fact or a preference of this person in mind for later conversations.",
    parameters: || {
        json!({
            "type": "object", "additionalProperties": false, "required": ["text"],
            "properties": {
                "text": { "type": "string", "minLength": 1, "maxLength": 4_000, "description": "One fact, in a sentence." },
                "kind": { "enum": ["fact", "preference", "note"] },
            },
        })
    },
    permission: Permission::Write,
    run: |switchboard, occasion, call| remember(switchboard, occasion, call).boxed(),
};

pub(super) const SEARCH: Entry = Entry {
    name: "search_memory",
    description: "Finds what was learned of this person and said with them before, the best first.",
    parameters: || {
        json!({
            "type": "object", "additionalProperties": false, "required": ["question"],
            "properties": { "question": {
                "type": "string", "minLength": 1, "maxLength": 500, "description": "What to look for, in a few words.",
            } },
        })
    },
    permission: Permission::Read,
    run: |switchboard, occasion, call| search(switchboard, occasion, call).boxed(),
};

async fn remember(switchboard: &Switchboard, occasion: &Occasion, call: Call) -> Result<Outcome, ActionError> {
    let mut said: MemoryFields = arguments(&call)?;
    said.contact_id = Some(occasion.contact_id.clone());
    said.conversation_id = Some(occasion.conversation_id.clone());
    let (agent_id, key) = (occasion.agent_id.clone(), Some(occasion.key(&call)));
    let (memory, _) = switchboard.add_memory(&occasion.workspace_id, &said, agent_id, key).await.map_err(once)?;
    Ok(json!({ "memory": memory }).into())
}

#[derive(Deserialize)]
struct Search {
    question: String,
}

async fn search(switchboard: &Switchboard, occasion: &Occasion, call: Call) -> Result<Outcome, ActionError> {
    let Search { question } = arguments(&call)?;
    // Whoever talks with an agent, over whichever channel, is shown what is known of themselves alone; a workflow, which
    // talks with nobody, searches everything.
    let contact_id = occasion.contact_id.as_deref();
    let found = switchboard.search_memory(&occasion.workspace_id, &question, contact_id).await?;
    Ok(json!({ "results": found }).into())
}
