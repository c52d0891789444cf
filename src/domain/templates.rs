//! Message templates: what vendors have approved, or have not, as they listed it last.

use serde::Serialize;
use serde_json::Value;

/// The status of a template that may be sent.
pub const APPROVED: &str = "APPROVED";

/// A message template of a channel, as its vendor listed it last.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Template {
    /// UUID.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000040")]
    pub id: String,
    /// The channel whose account has it.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000003")]
    pub channel_id: String,
    /// The vendor's id.
    #[schema(example = "1689556908129832")]
    pub provider_id: Option<String>,
    /// By what a send names it.
    #[schema(example = "order_confirmation")]
    pub name: String,
    /// Its language code; each language has a template of its own.
    #[schema(example = "en_US")]
    pub language: String,
    /// `UTILITY`, `MARKETING` or `AUTHENTICATION`; null: the vendor says none.
    #[schema(example = "UTILITY")]
    pub category: Option<String>,
    /// The vendor's word. `APPROVED` may be sent; others are `PENDING`, `REJECTED`, `PAUSED`, `DISABLED`, …
    #[schema(example = "APPROVED")]
    pub status: String,
    /// Why it was rejected, paused or disabled, in the vendor's words.
    #[schema(example = json!(null))]
    pub reason: Option<String>,
    /// Its parts, as the vendor describes them.
    #[schema(value_type = Vec<Object>, example = json!([{ "type": "BODY", "text": "Thank you!" }]))]
    pub components: Vec<Value>,
    /// When the vendor last said all this, Unix milliseconds.
    #[schema(example = 1_767_225_600_000_i64)]
    pub synced_at: i64,
}
