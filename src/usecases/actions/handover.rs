//! The agent gives the conversation to a person. What it still has to say is said first: the turn's end hands over.

use futures_util::FutureExt as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Entry, arguments};
use crate::domain::actions::{ActionError, Call, Outcome};
use crate::domain::errors::Code;
use crate::domain::principals::Permission;

pub(super) const HAND_OVER: Entry = Entry {
    name: "hand_over_to_person",
    description: "Hands this conversation over to a person of the team, who answers from then on; you keep silent. Use \
                  it when the customer asks for a person, or when you cannot help. Tell the customer in your next and \
                  last message that somebody will take over.",
    parameters,
    permission: Permission::Chat,
    team_only: false,
    run: |_, occasion, call| {
        let in_conversation = occasion.conversation_id.is_some();
        async move { hand_over(&call, in_conversation) }.boxed()
    },
};

fn parameters() -> Value {
    json!({
        "type": "object", "additionalProperties": false, "required": ["reason"],
        "properties": {
            "reason": {
                "type": "string", "minLength": 1, "maxLength": 500,
                "description": "Why, in a sentence for the person who takes over.",
            },
        },
    })
}

#[derive(Deserialize)]
struct Arguments {
    reason: String,
}

fn hand_over(call: &Call, in_conversation: bool) -> Result<Outcome, ActionError> {
    if !in_conversation {
        return Err(ActionError::new(Code::Conflict, "there is no conversation here"));
    }
    let Arguments { reason } = arguments(call)?;
    Ok(Outcome { value: json!({ "handed_over": true }), hands_over: Some(reason) })
}
