//! What a workspace's conversations came to in a period.

use super::Switchboard;
use crate::domain::analytics::{DaySpan, Grouping, QUIET_MS, Summed, Sums};
use crate::store::StoreError;
use crate::store::analytics::AnalyticsFilter;

impl Switchboard {
    /// What the conversations of a workspace came to on these days, which follow each other.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn analytics(
        &self,
        workspace_id: &str,
        days: &[DaySpan],
        by: Option<Grouping>,
        filter: &AnalyticsFilter,
    ) -> Result<Summed, StoreError> {
        let ends = days.last().map_or(0, |day| day.ends);
        let mut sums = Sums::new(days.len(), by, ends.min(self.now() - QUIET_MS));
        self.store.analytics(workspace_id, days, filter, |place, fact| sums.add(place, &fact)).await?;
        Ok(sums.summed())
    }
}
