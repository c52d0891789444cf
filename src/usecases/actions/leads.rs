//! What agents note of people who want to be contacted.

use futures_util::FutureExt as _;
use serde::Deserialize;
use serde_json::json;

use super::{Entry, arguments};
use crate::domain::actions::{ActionError, Call, Occasion, Outcome};
use crate::domain::errors::Code;
use crate::domain::leads::LeadDetails;
use crate::domain::principals::Permission;
use crate::usecases::Switchboard;
use crate::usecases::leads::{NewLead, Uncaptured};

pub(super) const CAPTURE: Entry = Entry {
    name: "capture_lead",
    description: "Notes that this person wants to be contacted by the team, with what they said of themselves: at least \
                  a name, an email address or a phone number.",
    parameters: || {
        json!({
            "type": "object", "additionalProperties": false, "minProperties": 1,
            "properties": {
                "contact_name": { "type": "string", "minLength": 1, "maxLength": 200 },
                "contact_email": { "type": "string", "minLength": 3, "maxLength": 254 },
                "contact_phone": { "type": "string", "minLength": 3, "maxLength": 40 },
                "notes": { "type": "string", "maxLength": 4_000, "description": "What they are interested in." },
            },
        })
    },
    // Whoever may talk with an agent may leave their number with it.
    permission: Permission::Chat,
    team_only: false,
    run: |tools, occasion, call| capture(&tools.switchboard, occasion, call).boxed(),
};

#[derive(Deserialize)]
struct Details {
    contact_name: Option<String>,
    contact_email: Option<String>,
    contact_phone: Option<String>,
    notes: Option<String>,
}

async fn capture(switchboard: &Switchboard, occasion: &Occasion, call: Call) -> Result<Outcome, ActionError> {
    let Details { contact_name, contact_email, contact_phone, notes } = arguments(&call)?;
    let wanted = NewLead {
        agent_id: occasion.agent_id.clone(),
        conversation_id: occasion.conversation_id.clone(),
        session_id: None,
        details: LeadDetails { contact_name, contact_email, contact_phone, notes },
        source: "agent".to_owned(),
        key: Some(occasion.key(&call)),
    };
    let (lead, _) = switchboard.capture_lead(&occasion.workspace_id, wanted).await.map_err(|error| match error {
        Uncaptured::Fields(problems) => ActionError::fields(problems),
        Uncaptured::KeyMismatch | Uncaptured::Gone => {
            ActionError::new(Code::Conflict, "this call has captured another lead before")
        }
        Uncaptured::Store(error) => error.into(),
    })?;
    Ok(json!({ "lead_id": lead.id, "status": lead.status }).into())
}
