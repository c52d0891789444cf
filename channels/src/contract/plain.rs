//! A readable plain-text rendition of any content.

use super::content::Content;

impl Content {
    /// Plain text for people, agents and search; never empty.
    #[must_use]
    pub fn plain(&self) -> String {
        match self {
            Self::Text { text, .. } => text.clone(),
            other => format!("[{}]", other.kind()),
        }
    }
}
