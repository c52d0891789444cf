//! Channels: the accounts through which people reach us.

use serde::{Deserialize, Serialize};
use switchboard_channels::Kind;
use switchboard_channels::contract::credentials::Secret;

/// The longest name of a channel, in characters.
pub const LONGEST_NAME: usize = 200;
/// The member of stored settings that lists the secrets on their way out. No vendor's setting has such a name.
pub const RETIRING: &str = "$retiring";
/// The member of stored settings that holds, by the names of the settings, the secrets that the gateway has made itself.
pub const MADE: &str = "$made";

/// Whether a channel may be called so: something, without blanks at its ends and without control characters.
#[must_use]
pub fn is_name(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.chars().count())
        && name.trim().len() == name.len()
        && !name.chars().any(char::is_control)
}

/// A secret that was replaced and is accepted beside the new one for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retiring {
    /// The setting whose secret it was.
    pub setting: String,
    /// The secret.
    pub secret: Secret,
    /// Until when it is accepted, Unix milliseconds.
    pub until: i64,
}

/// Whether a channel sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChannelState {
    /// It receives and sends.
    Active,
    /// Somebody paused its sends; they wait.
    Paused,
    /// The vendor refuses it (token, permission, account); sends wait until somebody acts.
    Stopped,
}

impl ChannelState {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
        }
    }

    /// Reads the stored word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Active, Self::Paused, Self::Stopped].into_iter().find(|state| state.as_str() == word)
    }
}

/// Who declared a channel, and with it the places that its settings name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The operator, by a file: its places may lie in the operator's own network.
    Operator,
    /// A caller of the API: its places are on the public internet, or are not called.
    Api,
}

impl Origin {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Api => "api",
        }
    }

    /// Reads the stored word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Operator, Self::Api].into_iter().find(|origin| origin.as_str() == word)
    }
}

/// A channel account with its settings in the clear; lives in memory only.
#[derive(Debug, Clone)]
pub struct Channel {
    /// UUID.
    pub id: String,
    /// Its workspace.
    pub workspace_id: String,
    /// What kind.
    pub kind: Kind,
    /// Unique name in the workspace.
    pub name: String,
    /// The agent that answers; none: nobody does.
    pub agent_id: Option<String>,
    /// The vendor's id of our number, page or mailbox.
    pub account: Option<String>,
    /// The vendor's id of the business account.
    pub business: Option<String>,
    /// Whether it sends.
    pub state: ChannelState,
    /// Why it does not.
    pub state_reason: Option<String>,
    /// Who declared it.
    pub origin: Origin,
    /// The kind's own settings, secrets included, under [`RETIRING`] what they had before, and under [`MADE`] what we made.
    pub settings: serde_json::Value,
}

/// The settings of a web widget.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WidgetSettings {
    /// Origins of the pages that may show it, such as `https://example.com`; `*` is any, none is only the hosted page.
    pub allowed_origins: Vec<String>,
    /// What stands above the conversation; none: the agent's name.
    pub title: Option<String>,
    /// First words of the hosted page to a visitor who has not written yet; none: the widget's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub greeting: Option<String>,
    /// Accent colour of the hosted page, any CSS colour; none: the widget's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// Language of the hosted page; none: the visitor's browser decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<WidgetLanguage>,
    /// With what the site signs the ids of its users, at least 16 characters; none: nobody signs in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_secret: Option<Secret>,
    /// Whether it asks visitors how to reach them.
    #[serde(skip_serializing_if = "LeadForm::is_off")]
    pub lead_form: LeadForm,
}

/// A language that the widget speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WidgetLanguage {
    /// German.
    De,
    /// English.
    En,
    /// Spanish.
    Es,
}

/// Whether a web widget has a form in which visitors say how to reach them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeadForm {
    /// It has none.
    #[default]
    Off,
    /// A button opens it.
    Button,
    /// It stands before the first message, and a button opens it later.
    Before,
}

impl LeadForm {
    /// What a widget's stored settings say.
    #[must_use]
    pub fn of(settings: &serde_json::Value) -> Self {
        settings.get("lead_form").and_then(|word| Self::deserialize(word).ok()).unwrap_or_default()
    }

    /// Serde's question.
    fn is_off(&self) -> bool {
        *self == Self::Off
    }
}
