//! Plans: what a workspace may use. They are data; this says which data makes sense.

use std::collections::BTreeMap;

use serde::Deserialize;

/// What a workspace may use. An absent limit is none.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Unique name, which workspaces refer to.
    pub name: String,
    /// Requests of the workspace in a minute.
    pub requests_per_minute: Option<u32>,
    /// Requests of the workspace at once.
    pub concurrency: Option<u32>,
    /// Messages in a calendar month, both directions.
    pub messages_per_month: Option<u64>,
    /// Tokens of hosted models in a calendar month.
    pub tokens_per_month: Option<u64>,
    /// Whether models run on the workspace's own provider key only.
    #[serde(default)]
    pub own_key_only: bool,
}

impl Plan {
    /// A plan without limits.
    #[must_use]
    pub fn unlimited(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            requests_per_minute: None,
            concurrency: None,
            messages_per_month: None,
            tokens_per_month: None,
            own_key_only: false,
        }
    }
}

/// All plans, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plans(BTreeMap<String, Plan>);

impl Plans {
    /// Takes the plans in.
    ///
    /// # Errors
    /// A sentence: there is none, two have one name, or a limit is zero.
    pub fn new(plans: Vec<Plan>) -> Result<Self, String> {
        let mut by_name = BTreeMap::new();
        for plan in plans {
            let limits = [
                plan.requests_per_minute.map(u64::from),
                plan.concurrency.map(u64::from),
                plan.messages_per_month,
                plan.tokens_per_month,
            ];
            if plan.name.trim().is_empty() {
                return Err("a plan has no name".to_owned());
            }
            if limits.contains(&Some(0)) {
                return Err(format!("plan {} has a limit of zero; leave a limit out for none", plan.name));
            }
            if let Some(twin) = by_name.insert(plan.name.clone(), plan) {
                return Err(format!("two plans have the name {}", twin.name));
            }
        }
        if by_name.is_empty() { Err("there is no plan".to_owned()) } else { Ok(Self(by_name)) }
    }

    /// The plan of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Plan> {
        self.0.get(name)
    }

    /// The names of all plans, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}
