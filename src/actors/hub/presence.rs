//! Who of a workspace is here: the members whose lines this process holds, and those whom other nodes say they hold. It is
//! told to them and kept nowhere.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::{Hub, Sight};

/// Who is here.
#[derive(Default)]
pub(super) struct Present(Mutex<Everybody>);

#[derive(Default)]
struct Everybody {
    /// Names by workspace, each with how many lines this process holds.
    here: HashMap<String, BTreeMap<Arc<str>, usize>>,
    /// What other nodes said, by workspace and node.
    elsewhere: HashMap<String, HashMap<String, Part>>,
}

/// Who of a workspace is at another node.
struct Part {
    names: Vec<Arc<str>>,
    heard_at: Instant,
}

impl Present {
    fn lock(&self) -> MutexGuard<'_, Everybody> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The workspaces of which somebody is at this node.
    pub(super) fn workspaces(&self) -> Vec<String> {
        self.lock().here.keys().cloned().collect()
    }

    /// Who of a workspace is at this node.
    pub(super) fn at_this_node(&self, workspace_id: &str) -> Vec<Arc<str>> {
        self.lock().here.get(workspace_id).map(|names| names.keys().cloned().collect()).unwrap_or_default()
    }

    /// Takes in who of a workspace is at another node. Gives whether that is news.
    pub(super) fn put(&self, workspace_id: &str, node_id: &str, names: Vec<Arc<str>>, now: Instant) -> bool {
        let mut everybody = self.lock();
        if names.is_empty() {
            return everybody.remove(workspace_id, node_id);
        }
        let parts = everybody.elsewhere.entry(workspace_id.to_owned()).or_default();
        let before = parts.insert(node_id.to_owned(), Part { names: names.clone(), heard_at: now });
        before.is_none_or(|before| before.names != names)
    }

    /// Forgets a node that has left. Gives the workspaces of which somebody was there.
    pub(super) fn forget(&self, node_id: &str) -> Vec<String> {
        self.lock().retain(|node, _| node != node_id)
    }

    /// Forgets what was not said again for too long: its node is gone. Gives the workspaces that it was about.
    pub(super) fn forget_silent(&self, now: Instant, longest: Duration) -> Vec<String> {
        self.lock().retain(|_, part| now.saturating_duration_since(part.heard_at) < longest)
    }
}

impl Everybody {
    fn remove(&mut self, workspace_id: &str, node_id: &str) -> bool {
        let Some(parts) = self.elsewhere.get_mut(workspace_id) else { return false };
        let was_there = parts.remove(node_id).is_some();
        if parts.is_empty() {
            self.elsewhere.remove(workspace_id);
        }
        was_there
    }

    /// Keeps these parts only. Gives the workspaces that lost one.
    fn retain(&mut self, is_kept: impl Fn(&str, &Part) -> bool) -> Vec<String> {
        let mut changed = Vec::new();
        self.elsewhere.retain(|workspace_id, parts| {
            let before = parts.len();
            parts.retain(|node_id, part| is_kept(node_id, part));
            if parts.len() < before {
                changed.push(workspace_id.clone());
            }
            !parts.is_empty()
        });
        changed
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
        if let Some(names) = present.here.get_mut(&self.workspace_id) {
            if let Some(lines) = names.get_mut(&self.name) {
                *lines -= 1;
            }
            names.retain(|_, lines| *lines > 0);
            if names.is_empty() {
                present.here.remove(&self.workspace_id);
            }
        }
        drop(present);
        self.hub.show_moved(&self.workspace_id);
    }
}

impl Hub {
    /// Shows a member's name to the others of the workspace until what is given back is dropped.
    #[must_use]
    pub fn enter(&self, workspace_id: &str, name: &str) -> Presence {
        let name: Arc<str> = name.into();
        let mut present = self.present.lock();
        *present.here.entry(workspace_id.to_owned()).or_default().entry(Arc::clone(&name)).or_default() += 1;
        drop(present);
        self.show_moved(workspace_id);
        Presence { hub: self.clone(), workspace_id: workspace_id.to_owned(), name }
    }

    /// The names of who is here, at whichever node, in their order.
    #[must_use]
    pub fn present(&self, workspace_id: &str) -> Vec<Arc<str>> {
        let everybody = self.present.lock();
        let here = everybody.here.get(workspace_id).into_iter().flat_map(BTreeMap::keys);
        let elsewhere = everybody.elsewhere.get(workspace_id).into_iter().flat_map(HashMap::values);
        let names: BTreeSet<&Arc<str>> = here.chain(elsewhere.flat_map(|part| &part.names)).collect();
        names.into_iter().cloned().collect()
    }

    fn show_moved(&self, workspace_id: &str) {
        self.show(workspace_id, &Sight::Presence);
        self.outbox.moved(workspace_id);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

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

    #[test]
    fn who_is_at_other_nodes_is_here_until_they_leave_or_fall_silent() {
        let (hub, begun) = (Hub::default(), Instant::now());
        let put = |node: &str, names: &[&str], second: u64| {
            let names = names.iter().map(|&name| name.into()).collect();
            hub.present.put("w", node, names, begun + Duration::from_secs(second))
        };
        let names = || hub.present("w").join(" ");
        let _here = hub.enter("w", "Ben");
        assert!(put("a", &["Ana", "Ben"], 0) && put("b", &["Cid"], 0));
        assert!(!put("a", &["Ana", "Ben"], 4), "said again it is no news");
        assert_eq!(names(), "Ana Ben Cid");
        let silent = |second| hub.present.forget_silent(begun + Duration::from_secs(second), Duration::from_secs(10));
        assert_eq!((silent(9), silent(10)), (Vec::new(), vec!["w".to_owned()]));
        assert_eq!(names(), "Ana Ben");
        assert_eq!((hub.present.forget("b"), hub.present.forget("a")), (Vec::new(), vec!["w".to_owned()]));
        assert_eq!(names(), "Ben");
        assert!(put("a", &["Ana"], 11) && put("a", &[], 12) && !put("a", &[], 13));
        assert_eq!(names(), "Ben");
        assert!(hub.present.lock().elsewhere.is_empty(), "nothing is left of who went");
    }
}
