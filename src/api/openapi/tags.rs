//! The groups of operations in the document, with what each is about.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// What the groups of operations are about.
const TAGS: &[(&str, &str)] = &[
    ("API keys", "Keys of programs, with what they may do."),
    ("agents", "Who answers, and talking with them."),
    ("assistant", "Talking with the workspace's assistant, and the calendars that it reads."),
    ("callbacks", "Where vendors deliver."),
    ("channels", "The accounts through which people reach the workspace."),
    ("contacts", "The people, whichever channels they use."),
    ("conversations", "What was said, and saying something."),
    ("deliveries", "The ledger of what vendors delivered."),
    ("events", "The one sequence of what happened in the workspace."),
    ("files", "Files that messages carry."),
    ("follow-ups", "Whom to come back to, and when."),
    ("functions", "What programs of the functions surface call."),
    ("jobs", "Durable work that was given up, and trying it again."),
    ("knowledge", "What agents know: their documents, and searching them."),
    ("leads", "People who asked to be contacted."),
    ("memory", "What was learned about people, and searching it."),
    ("messages", "What is known about one message."),
    ("my-day", "What today holds."),
    ("not built yet", "Addresses of the documented surface that answer 501."),
    ("operations", "Health, metrics, this document and the page to try it."),
    ("people", "Signing in, members, invitations, workspaces and the audit log."),
    ("privacy", "Everything held about a person, its erasure, and after how many days what is forgotten."),
    ("providers", "The workspace's own accounts with makers of models."),
    ("tasks", "What is to be done, and reminders."),
    ("usage", "What the workspace uses, and may use."),
    ("webhooks", "Telling other systems what happened."),
    ("widget", "The web widget and its hosted page."),
];

/// Adds the groups that are used.
pub(super) fn describe(document: &mut Value) {
    let paths = document.get("paths").and_then(Value::as_object);
    let operations = paths.into_iter().flatten().filter_map(|(_, item)| item.as_object()).flatten();
    let used: BTreeSet<&str> = operations
        .filter_map(|(_, operation)| operation.get("tags")?.as_array())
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let described: Vec<Value> = TAGS
        .iter()
        .filter(|(name, _)| used.contains(name))
        .map(|(name, description)| json!({ "name": name, "description": description }))
        .collect();
    if let Some(members) = document.as_object_mut() {
        members.insert("tags".to_owned(), Value::Array(described));
    }
}
