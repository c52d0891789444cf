//! Leads: people who asked to be contacted, and how far their matter has come.

use serde::{Deserialize, Serialize};

/// How far a lead has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeadStatus {
    /// Nobody has taken it up.
    New,
    /// Somebody has written or called.
    Contacted,
    /// It is worth pursuing.
    Qualified,
    /// They became a customer.
    Won,
    /// They did not.
    Lost,
}

impl LeadStatus {
    /// All of them, in the order in which they follow.
    pub const ALL: [Self; 5] = [Self::New, Self::Contacted, Self::Qualified, Self::Won, Self::Lost];

    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Contacted => "contacted",
            Self::Qualified => "qualified",
            Self::Won => "won",
            Self::Lost => "lost",
        }
    }

    /// Reads the stored word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// What people say of themselves. Nobody has verified it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct LeadDetails {
    /// Name.
    #[schema(example = "Jane Doe")]
    pub contact_name: Option<String>,
    /// Email address, in lower case where it reads as one.
    #[schema(example = "jane@example.com")]
    pub contact_email: Option<String>,
    /// Phone number, in E.164 where it reads as one.
    #[schema(example = "+447700900000")]
    pub contact_phone: Option<String>,
    /// What else was said.
    #[schema(example = "Interested in the premium plan")]
    pub notes: Option<String>,
}

/// Somebody who asked to be contacted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Lead {
    /// UUID.
    #[schema(example = "0198c1d2-7e00-7000-8000-00000000001e")]
    pub id: String,
    /// The agent that they talked to.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000002")]
    pub agent_id: Option<String>,
    /// The contact of the conversation in which they asked.
    pub contact_id: Option<String>,
    /// The conversation in which they asked.
    pub conversation_id: Option<String>,
    /// The session in which they asked, as the program or the widget names it.
    #[schema(example = "abc-123")]
    pub session_id: Option<String>,
    /// What they say of themselves.
    #[serde(flatten)]
    pub details: LeadDetails,
    /// Through what they came: `api`, `widget`, `agent`, or a word of the caller's.
    #[schema(example = "api")]
    pub source: String,
    /// How far it has come.
    pub status: LeadStatus,
    /// Unix milliseconds.
    #[schema(example = 1_767_225_600_000_i64)]
    pub created_at: i64,
    /// Unix milliseconds.
    #[schema(example = 1_767_225_600_000_i64)]
    pub updated_at: i64,
}

/// What of a lead shall be otherwise; what is none stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeadChange {
    /// How far it has come.
    pub status: Option<LeadStatus>,
    /// Inside, none: nothing is known.
    pub contact_name: Option<Option<String>>,
    /// Inside, none: nothing is known.
    pub contact_email: Option<Option<String>>,
    /// Inside, none: nothing is known.
    pub contact_phone: Option<Option<String>>,
    /// Inside, none: nothing is known.
    pub notes: Option<Option<String>>,
}

impl LeadChange {
    /// Lays the change over a lead.
    pub fn apply(&self, lead: &mut Lead) {
        let lay = |field: &mut Option<String>, said: &Option<Option<String>>| {
            if let Some(said) = said {
                field.clone_from(said);
            }
        };
        lay(&mut lead.details.contact_name, &self.contact_name);
        lay(&mut lead.details.contact_email, &self.contact_email);
        lay(&mut lead.details.contact_phone, &self.contact_phone);
        lay(&mut lead.details.notes, &self.notes);
        lead.status = self.status.unwrap_or(lead.status);
    }
}
