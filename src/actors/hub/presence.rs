//! Who of a workspace is here: the members whose lines this process holds. It is told to them and kept nowhere.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Hub, Sight};

/// Names by workspace, each with how many lines it has.
#[derive(Default)]
pub(super) struct Present(Mutex<HashMap<String, BTreeMap<Arc<str>, usize>>>);

impl Present {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, BTreeMap<Arc<str>, usize>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A member's being here. Dropping it ends it.
pub struct Presence {
    hub: Hub,
    workspace_id: String,
    name: Arc<str>,
}

impl std::fmt::Debug for Presence {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Presence").field("workspace_id", &self.workspace_id).finish_non_exhaustive()
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let mut present = self.hub.present.lock();
        if let Some(names) = present.get_mut(&self.workspace_id) {
            if let Some(lines) = names.get_mut(&self.name) {
                *lines -= 1;
            }
            names.retain(|_, lines| *lines > 0);
            if names.is_empty() {
                present.remove(&self.workspace_id);
            }
        }
        drop(present);
        self.hub.show(&self.workspace_id, &Sight::Presence);
    }
}

impl Hub {
    /// Shows a member's name to the others of the workspace until what is given back is dropped.
    #[must_use]
    pub fn enter(&self, workspace_id: &str, name: &str) -> Presence {
        let name: Arc<str> = name.into();
        *self.present.lock().entry(workspace_id.to_owned()).or_default().entry(Arc::clone(&name)).or_default() += 1;
        self.show(workspace_id, &Sight::Presence);
        Presence { hub: self.clone(), workspace_id: workspace_id.to_owned(), name }
    }

    /// The names of who is here, in their order.
    #[must_use]
    pub fn present(&self, workspace_id: &str) -> Vec<Arc<str>> {
        self.present.lock().get(workspace_id).map(|names| names.keys().cloned().collect()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::Hub;

    #[test]
    fn who_has_two_lines_is_here_until_both_end() {
        let hub = Hub::default();
        let (one, two, other) = (hub.enter("w", "Ana"), hub.enter("w", "Ana"), hub.enter("w", "Ben"));
        drop(one);
        assert_eq!(hub.present("w"), ["Ana", "Ben"].map(Arc::from));
        drop(two);
        assert_eq!(hub.present("w"), [Arc::from("Ben")]);
        assert!(hub.present("x").is_empty());
        drop(other);
        assert!(hub.present("w").is_empty());
    }
}
