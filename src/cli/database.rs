//! Commands about the database itself.

use crate::config::Settings;
use crate::store::schema;

use super::{Refusal, declare, print, wait_for};

/// Seals every secret anew under the master key.
pub fn rotate_key(settings: &Settings) -> Result<(), Refusal> {
    let done = wait_for(async {
        let store = declare::open(settings).await?;
        let done = store.reseal().await;
        store.release_lease().await?;
        done
    })?;
    let mut lines = Vec::new();
    for column in done {
        let (renewed, current) = (column.renewed, column.current);
        lines.push(format!("{}.{}: {renewed} sealed anew, {current} already were", column.table, column.column));
    }
    if settings.previous_master_key().is_some() {
        lines.push("Nothing is sealed with another key now; security.previous_master_key can be removed.".to_owned());
    }
    print(&lines.join("\n"))
}

/// Brings the schema up to date.
pub fn migrate(settings: &Settings) -> Result<(), Refusal> {
    let applied = wait_for(schema::migrate(&settings.store()))?;
    let said = match applied.as_slice() {
        [] => "is up to date".to_owned(),
        applied => format!("has now {}", applied.join(", ")),
    };
    print(&format!("{} {said}", settings.database()))
}
