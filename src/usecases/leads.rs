//! Somebody asks to be contacted: kept as they said it, told to whoever listens, and found again under its key.

use sha2::Digest as _;

use super::Switchboard;
use crate::domain::changes::Idempotency;
use crate::domain::contacts::{email, phone};
use crate::domain::errors::FieldProblem;
use crate::domain::leads::{Lead, LeadDetails, LeadStatus};
use crate::store::StoreError;

/// Longest name, email address and phone number, in characters.
const LONGEST_DETAIL: usize = 320;
/// Longest notes, in characters.
const LONGEST_NOTES: usize = 4_000;
/// Longest word for the source, in characters.
const LONGEST_SOURCE: usize = 64;
/// Longest name of a session, in characters.
const LONGEST_SESSION: usize = 200;

/// A lead to capture.
#[derive(Debug, Clone, Default)]
pub struct NewLead {
    /// The agent that they talked to; without one that of the conversation.
    pub agent_id: Option<String>,
    /// The conversation in which they asked: the lead is its contact's.
    pub conversation_id: Option<String>,
    /// The session in which they asked.
    pub session_id: Option<String>,
    /// What they say of themselves: a name, an email address or a phone number at least.
    pub details: LeadDetails,
    /// Through what they came: `api`, `widget`, `agent`, or another word.
    pub source: String,
    /// The caller's idempotency key.
    pub key: Option<String>,
}

/// Why a lead was not captured. Nothing was stored.
#[derive(Debug)]
pub enum Uncaptured {
    /// These fields are not as documented.
    Fields(Vec<FieldProblem>),
    /// The key was used for something else.
    KeyMismatch,
    /// What the key made was deleted since.
    Gone,
    /// Not now.
    Store(StoreError),
}

impl From<StoreError> for Uncaptured {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Switchboard {
    /// Captures a lead, once for each key. Gives it, and whether it was captured before under the same key.
    ///
    /// # Errors
    /// See [`Uncaptured`].
    pub async fn capture_lead(&self, workspace_id: &str, wanted: NewLead) -> Result<(Lead, bool), Uncaptured> {
        let mut problems = Vec::new();
        let details = judge_details(wanted.details.clone(), &mut problems);
        if details.contact_name.is_none() && details.contact_email.is_none() && details.contact_phone.is_none() {
            problems.push(FieldProblem::new("contact_name", "a name, an email address or a phone number"));
        }
        let source = judge_line("source", Some(wanted.source.clone()), LONGEST_SOURCE, &mut problems);
        let session_id = judge_line("session_id", wanted.session_id.clone(), LONGEST_SESSION, &mut problems);
        let conversation = match &wanted.conversation_id {
            None => None,
            Some(id) => {
                let found = self.store.conversation(workspace_id, id).await?;
                if found.is_none() {
                    problems.push(FieldProblem::absent("conversation_id", "a conversation of this workspace"));
                }
                found.map(|found| found.state)
            }
        };
        let agent_id =
            wanted.agent_id.clone().or_else(|| conversation.as_ref().and_then(|state| state.agent_id.clone()));
        let agent = match &agent_id {
            None => None,
            Some(id) => self.directory.agent(id).await?.filter(|agent| agent.workspace_id == workspace_id),
        };
        if wanted.agent_id.is_some() && agent.is_none() {
            problems.push(FieldProblem::absent("agent_id", "the id of an agent of this workspace"));
        }
        if !problems.is_empty() {
            return Err(Uncaptured::Fields(problems));
        }
        let now = self.now();
        let lead = Lead {
            id: self.store.clock().id(),
            agent_id: agent.as_ref().map(|agent| agent.id.clone()),
            contact_id: conversation.as_ref().map(|state| state.contact_id.clone()),
            conversation_id: conversation.map(|state| state.id),
            session_id,
            details,
            source: source.unwrap_or_else(|| "api".to_owned()),
            status: LeadStatus::New,
            created_at: now,
            updated_at: now,
        };
        let key = wanted.key.as_ref().map(|key| Idempotency {
            key: key.clone(),
            request_hash: fingerprint(&wanted),
            result_id: lead.id.clone(),
        });
        let name = agent.as_ref().map(|agent| agent.name.as_str());
        match self.store.add_lead(workspace_id, &lead, name, key.as_ref()).await? {
            None => Ok((lead, false)),
            Some(earlier) if key.is_some_and(|key| key.request_hash != earlier.request_hash) => {
                Err(Uncaptured::KeyMismatch)
            }
            Some(earlier) => {
                let found = self.store.lead(workspace_id, &earlier.result_id).await?;
                found.map(|lead| (lead, true)).ok_or(Uncaptured::Gone)
            }
        }
    }
}

/// Reads what people say of themselves into its stored form: as it reads, and else as it was said, because nobody
/// corrects it any more.
pub fn judge_details(said: LeadDetails, problems: &mut Vec<FieldProblem>) -> LeadDetails {
    let LeadDetails { contact_name, contact_email, contact_phone, notes } = said;
    let contact_email = judge_line("contact_email", contact_email, LONGEST_DETAIL, problems);
    let contact_phone = judge_line("contact_phone", contact_phone, LONGEST_DETAIL, problems);
    if notes.as_ref().is_some_and(|notes| notes.chars().count() > LONGEST_NOTES || notes.contains('\0')) {
        problems.push(FieldProblem::new("notes", format!("at most {LONGEST_NOTES} characters, without NUL")));
    }
    let notes = notes.filter(|notes| !notes.trim().is_empty());
    LeadDetails {
        contact_name: judge_line("contact_name", contact_name, LONGEST_DETAIL, problems),
        contact_email: contact_email.map(|text| email(&text).unwrap_or(text)),
        contact_phone: contact_phone.map(|text| phone(&text).unwrap_or(text)),
        notes,
    }
}

/// A text on one line, without blanks at its ends; an empty one is none.
fn judge_line(field: &str, text: Option<String>, longest: usize, problems: &mut Vec<FieldProblem>) -> Option<String> {
    let text = text?;
    let plain = text.trim();
    if text.chars().count() > longest || plain.contains(char::is_control) {
        problems.push(FieldProblem::new(field, format!("at most {longest} characters on one line")));
    }
    (!plain.is_empty()).then(|| plain.to_owned())
}

/// SHA-256 of what was asked, lower-case hex.
fn fingerprint(wanted: &NewLead) -> String {
    let NewLead { agent_id, conversation_id, session_id, details, source, key: _ } = wanted;
    let asked = serde_json::json!(["lead", agent_id, conversation_id, session_id, details, source]).to_string();
    hex::encode(sha2::Sha256::digest(asked.as_bytes()))
}
