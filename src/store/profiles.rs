//! What vendors tell of people, kept with their contacts.

use super::db::execute;
use super::{Store, StoreError};

impl Store {
    /// Names a contact that has no name yet.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn name_contact(&self, workspace_id: &str, contact_id: &str, name: &str) -> Result<(), StoreError> {
        execute!(
            self.db(),
            "UPDATE contacts SET name = $3, updated_at = $4 WHERE workspace_id = $1 AND id = $2 AND name IS NULL",
            workspace_id,
            contact_id,
            name,
            self.clock().now()
        )
        .map(|_| ())
    }
}
