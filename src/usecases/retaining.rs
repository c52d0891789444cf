//! What is older than a workspace keeps it is forgotten, some at a time, so that nobody who writes waits for it.

use std::time::Duration;

use super::Switchboard;
use crate::domain::retention::{Class, Retention};
use crate::store::StoreError;
use crate::store::retention::{Old, SOME};
use crate::telemetry::crash;

/// The pause between two batches, in which others write.
const PAUSE: Duration = Duration::from_millis(20);

impl Switchboard {
    /// Forgets what is too old at this time, Unix milliseconds, in all workspaces. Gives how many rows went.
    ///
    /// # Errors
    /// The database is not available; what went before that stays gone.
    pub async fn forget_old(&self, now: i64) -> Result<u64, StoreError> {
        let mut gone = 0;
        for (workspace_id, retention) in self.store.retentions().await? {
            for class in Class::ALL {
                gone += self.forget_class(&workspace_id, &retention, class, now).await?;
            }
        }
        self.remove_dropped_bytes().await?;
        Ok(gone)
    }

    async fn forget_class(
        &self,
        workspace_id: &str,
        retention: &Retention,
        class: Class,
        now: i64,
    ) -> Result<u64, StoreError> {
        let own = retention.channels.iter().filter(|(_, days)| class.is_of_channels() && days.contains_key(&class));
        let own: Vec<String> = own.map(|(id, _)| id.clone()).collect();
        let mut gone = 0;
        for channel_id in own.iter().map(|id| Some(id.as_str())).chain([None]) {
            let Some(before) = retention.before(class, channel_id, now) else { continue };
            let but: &[String] = if channel_id.is_some() { &[] } else { &own };
            loop {
                let some = self.store.forget_some(class, Old { workspace_id, channel_id, but, before }).await?;
                crash::point("retaining.some");
                gone += some;
                if some < SOME.unsigned_abs() {
                    break;
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(gone)
    }
}
