//! Who is calling.

use std::sync::Arc;

use super::Switchboard;
use crate::domain::api_keys;
use crate::domain::principals::Principal;
use crate::store::StoreError;

impl Switchboard {
    /// Who presents this API key; none when it is unknown, expired or revoked.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn authenticate(&self, key: &str) -> Result<Option<Arc<Principal>>, StoreError> {
        if key.len() < api_keys::SHORTEST || key.len() > 512 {
            return Ok(None);
        }
        // Only hashes are compared, by an index: the time tells nothing about a key that exists.
        self.directory.principal(&api_keys::hash(key)).await
    }
}
