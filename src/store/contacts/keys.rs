//! Names that belong to one person of a workspace only, and to whom they belong.

use super::{ContactRefusal, root_in};
use crate::domain::contacts::Particulars;
use crate::store::StoreError;
use crate::store::transactions::{Transaction, rows};

/// A name that belongs to one person of a workspace only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A phone number in E.164.
    Phone,
    /// An email address, lower case.
    Email,
    /// An id in the workspace's own system.
    ExternalId,
}

impl Key {
    /// The field of the API.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Email => "email",
            Self::ExternalId => "external_id",
        }
    }

    /// `$2` as the contacts have it, `$3` as the identities do.
    pub(super) const fn holders(self) -> &'static str {
        match self {
            Self::Phone => {
                "SELECT id FROM contacts WHERE workspace_id = $1 AND phone = $2 UNION SELECT contact_id FROM identities WHERE workspace_id = $1 AND kind = 'phone' AND value = $3"
            }
            Self::Email => {
                "SELECT id FROM contacts WHERE workspace_id = $1 AND email = $2 UNION SELECT contact_id FROM identities WHERE workspace_id = $1 AND kind = 'email' AND value = $3"
            }
            Self::ExternalId => {
                "SELECT id FROM contacts WHERE workspace_id = $1 AND external_id = $2 AND CAST($3 AS TEXT) IS NOT NULL"
            }
        }
    }
}

/// Refuses names that belong to somebody else; `own`: the person whose names may be given again.
pub(super) async fn judge_keys(
    tx: &mut Transaction,
    workspace_id: &str,
    own: Option<&str>,
    said: &Particulars,
) -> Result<(), ContactRefusal> {
    for (key, value) in [(Key::Phone, &said.phone), (Key::Email, &said.email), (Key::ExternalId, &said.external_id)] {
        let Some(Some(value)) = value else { continue };
        for holder in holders_in(tx, workspace_id, key, value).await? {
            let root = root_in(tx, workspace_id, &holder).await?;
            if root.as_deref() != own {
                return Err(ContactRefusal::Taken { key, contact_id: root.unwrap_or(holder) });
            }
            // A merged contact keeps its own, so that the merge can be undone.
            if own != Some(holder.as_str()) && is_said_by(tx, &holder, key, value).await? {
                return Err(ContactRefusal::Taken { key, contact_id: holder });
            }
        }
    }
    Ok(())
}

async fn is_said_by(tx: &mut Transaction, contact_id: &str, key: Key, value: &str) -> Result<bool, StoreError> {
    let rows = rows!(
        tx,
        (Option<String>, Option<String>, Option<String>),
        "SELECT phone, email, external_id FROM contacts WHERE id = $1",
        contact_id
    )?;
    Ok(rows.into_iter().any(|(phone, email, external_id)| {
        let own = match key {
            Key::Phone => phone,
            Key::Email => email,
            Key::ExternalId => external_id,
        };
        own.as_deref() == Some(value)
    }))
}

/// The contacts to whom a name belongs.
pub(in crate::store) async fn holders_in(
    tx: &mut Transaction,
    workspace_id: &str,
    key: Key,
    value: &str,
) -> Result<Vec<String>, StoreError> {
    let found: Vec<(String,)> =
        rows!(tx, (String,), key.holders(), workspace_id, value, value.trim_start_matches('+'))?;
    Ok(found.into_iter().map(|row| row.0).collect())
}
