//! Commands about the database itself.

use crate::config::Settings;
use crate::store::schema;

use super::{Refusal, print, wait_for};

/// Brings the schema up to date.
pub fn migrate(settings: &Settings) -> Result<(), Refusal> {
    let applied = wait_for(schema::migrate(&settings.store()))?;
    let said = match applied.as_slice() {
        [] => "is up to date".to_owned(),
        applied => format!("has now {}", applied.join(", ")),
    };
    print(&format!("{} {said}", settings.database()))
}
