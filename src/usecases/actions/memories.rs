//! What agents keep in mind about people, and find again: of the customer they talk with, and of nobody else; for the
//! workspace's own people of everybody.

use futures_util::FutureExt as _;
use serde::Deserialize;
use serde_json::json;

use super::{Entry, Tools, about, arguments, once, subject};
use crate::domain::actions::{ActionError, Call, Occasion, Outcome};
use crate::domain::memories::MemoryFields;
use crate::domain::principals::Permission;
use crate::usecases::Switchboard;

/// Most that one search tells, and how much of each in characters: no more than a model can be told at once.
const MOST_FOUND: usize = 20;
const LONGEST_TEXT: usize = 500;

pub(super) const REMEMBER: Entry = Entry {
    name: "remember",
    description: "Keeps a fact or a preference of this person in mind for later conversations.",
    parameters: || {
        json!({
            "type": "object", "additionalProperties": false, "required": ["text"],
            "properties": {
                "text": { "type": "string", "minLength": 1, "maxLength": 4_000, "description": "One fact, in a sentence." },
                "kind": { "enum": ["fact", "preference", "note"] },
                "contact_id": about(),
            },
        })
    },
    permission: Permission::Write,
    team_only: false,
    run: |tools, occasion, call| remember(&tools.switchboard, occasion, call).boxed(),
};

pub(super) const SEARCH: Entry = Entry {
    name: "search_memory",
    description: "Finds what was learned and said before, the best first: with a customer of them alone, else of everybody.",
    parameters: || {
        json!({
            "type": "object", "additionalProperties": false, "required": ["question"],
            "properties": {
                "question": {
                    "type": "string", "minLength": 1, "maxLength": 500, "description": "What to look for, in a few words.",
                },
                "contact_id": about(),
            },
        })
    },
    permission: Permission::Read,
    team_only: false,
    run: |tools, occasion, call| search(tools, occasion, call).boxed(),
};

async fn remember(switchboard: &Switchboard, occasion: &Occasion, call: Call) -> Result<Outcome, ActionError> {
    let mut said: MemoryFields = arguments(&call)?;
    said.contact_id = Some(subject(switchboard, occasion, said.contact_id.flatten()).await?);
    said.conversation_id = Some(occasion.conversation_id.clone());
    let (agent_id, key) = (occasion.agent_id.clone(), Some(occasion.key(&call)));
    let (memory, _) = switchboard.add_memory(&occasion.workspace_id, &said, agent_id, key).await.map_err(once)?;
    Ok(json!({ "memory": memory }).into())
}

#[derive(Deserialize)]
struct Search {
    question: String,
    contact_id: Option<String>,
}

async fn search(tools: &Tools, occasion: &Occasion, call: Call) -> Result<Outcome, ActionError> {
    let switchboard = &tools.switchboard;
    let Search { question, contact_id } = arguments(&call)?;
    let about = subject(switchboard, occasion, contact_id).await?;
    let mut found = switchboard.search_memory(&occasion.workspace_id, &question, about.as_deref()).await?;
    found.truncate(MOST_FOUND);
    for one in &mut found {
        one.text = one.text.chars().take(LONGEST_TEXT).collect();
    }
    Ok(json!({ "results": found }).into())
}
