//! After how many days what a workspace has is forgotten, as the file says it, and against what is stored.

use serde_json::Value;

use crate::domain::errors::FieldProblem;
use crate::domain::retention::{Class, Days, MOST_DAYS, Retention};
use crate::store::StoreError;

use super::fields::Fields;
use super::planning::{Context, Planning};
use super::writing::Write;

/// The file's word for never, because TOML has no null.
const NEVER: &str = "never";

/// A channel with times of its own.
pub struct Own {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its times.
    pub days: Days,
}

/// The table `retention` of a workspace or of a channel, where it is given: days by class.
pub fn read(parent: &mut Fields, of_channel: bool, problems: &mut Vec<FieldProblem>) -> Option<Days> {
    let mut table = parent.table("retention", problems)?;
    let mut all = Days::new();
    for class in Class::ALL.into_iter().filter(|class| !of_channel || class.is_of_channels()) {
        let Some(said) = table.take(class.as_str()) else { continue };
        let days = match &said {
            Value::String(word) if word == NEVER => Some(None),
            said => said.as_i64().filter(|days| (1..=MOST_DAYS).contains(days)).map(Some),
        };
        match days {
            Some(days) => {
                all.insert(class, days);
            }
            None => {
                let expected = format!("days, 1 to {MOST_DAYS}, or \"{NEVER}\"");
                problems.push(FieldProblem::new(table.path(class.as_str()), expected));
            }
        }
    }
    table.finish(problems);
    Some(all)
}

impl Planning<'_> {
    /// Compares times with those that are stored. What has no table in the file stays as it is; in a table, what is left
    /// out gets its default.
    pub(super) async fn retention(
        &mut self,
        context: &Context,
        days: Option<Days>,
        channels: Vec<Own>,
    ) -> Result<(), StoreError> {
        if days.is_none() && channels.is_empty() {
            return Ok(());
        }
        let stored = self.store.retention(&context.id).await?;
        let mut wanted = stored.clone();
        let mut differing = Vec::new();
        if let Some(days) = days {
            differing.extend(differences(&stored.days, &days).map(str::to_owned));
            wanted.days = days;
        }
        for channel in channels {
            let before = wanted.channels.remove(&channel.id).unwrap_or_default();
            differing.extend(differences(&before, &channel.days).map(|class| format!("{class} of {}", channel.name)));
            if !channel.days.is_empty() {
                wanted.channels.insert(channel.id, channel.days);
            }
        }
        let fields: Vec<(&str, bool)> = differing.iter().map(|name| (name.as_str(), true)).collect();
        let is_new = stored == Retention::default() && !fields.is_empty();
        if self.compare(is_new, format!("retention {}", context.name), &fields) {
            self.plan.writes.push(Write::Retention { workspace_id: context.id.clone(), retention: wanted });
        }
        Ok(())
    }
}

/// The classes whose times differ.
fn differences<'a>(before: &'a Days, after: &'a Days) -> impl Iterator<Item = &'static str> + 'a {
    Class::ALL.into_iter().filter(|class| before.get(class) != after.get(class)).map(Class::as_str)
}
