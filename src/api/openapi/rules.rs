//! Rules of the document that no field has by itself: what a body needs at least, what excludes what, which words a list
//! takes, and what all ids and keys of requests look like. Each repeats in JSON Schema what the gateway judges, so that a
//! client knows it beforehand.

use serde_json::{Map, Value, json};
use switchboard_channels::Kind;

use crate::api::docs;
use crate::domain::events::WORDS;
use crate::llm::endpoint::Provider;
use crate::usecases::actions;

/// Completes the document.
pub(super) fn complete(document: &mut Value) {
    for (pointer, rule) in schemas().into_iter().chain(bodies()) {
        if let (Some(Value::Object(schema)), Value::Object(rule)) = (document.pointer_mut(pointer), rule) {
            schema.extend(rule);
        }
    }
    drop_defaults(document);
    patch_settings(document);
    let operations = document.get_mut("paths").and_then(Value::as_object_mut).into_iter().flatten();
    for operation in operations.filter_map(|(_, item)| item.as_object_mut()).flatten().map(|(_, operation)| operation) {
        let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
        parameters.into_iter().flatten().for_each(parameter);
        let bodies = operation.pointer_mut("/requestBody/content").and_then(Value::as_object_mut);
        for (media_type, body) in
            bodies.into_iter().flatten().filter(|(media_type, _)| *media_type != "application/json")
        {
            body["schema"] =
                json!({ "type": "string", "format": "binary", "contentMediaType": media_type, "minLength": 1 });
        }
    }
}

/// The field is there, and not null.
fn here(field: &str) -> Value {
    json!({ "required": [field], "properties": { field: { "not": { "type": "null" } } } })
}

fn any_here(fields: &[&str]) -> Value {
    json!({ "anyOf": fields.iter().map(|field| here(field)).collect::<Vec<_>>() })
}

fn not_both(one: &str, other: &str) -> Value {
    json!({ "not": { "allOf": [here(one), here(other)] } })
}

/// A model that the gateway knows where to find, or one whose endpoint the settings name.
fn known_or_served() -> Value {
    let served = json!({ "required": ["base_url"], "properties": { "base_url": { "type": "string" } } });
    json!({ "anyOf": [
        { "properties": { "model": { "pattern": r"^\s*(builtin/(knowledge|echo)\s*$|(openai|anthropic|gemini|compatible)/\S)" } } },
        { "required": ["settings"], "properties": { "model": { "pattern": r"^\s*(?!builtin/)\S" }, "settings": served } },
    ] })
}

/// Rules of schemas, wherever they are used.
fn schemas() -> Vec<(&'static str, Value)> {
    let reach = ["contact_name", "contact_email", "contact_phone"];
    let kinds: Vec<Kind> = Kind::ALL.iter().copied().filter(|kind| *kind != Kind::Api).collect();
    let template =
        json!({ "required": ["on_window_closed"], "properties": { "on_window_closed": { "const": "template" } } });
    vec![
        ("/components/schemas/AgentToMake", known_or_served()),
        ("/components/schemas/NewContact", any_here(&["name", "phone", "email", "external_id"])),
        ("/components/schemas/LeadToCapture", any_here(&reach)),
        ("/components/schemas/FunctionsLead", any_here(&reach)),
        ("/components/schemas/LeadFormToFill", any_here(&["contact_email", "contact_phone"])),
        ("/components/schemas/TaskFields", not_both("remind", "remind_at")),
        ("/components/schemas/FollowUpFields", not_both("due", "due_at")),
        ("/components/schemas/RangeToRedeliver", json!({ "oneOf": [here("from"), here("since")] })),
        (
            "/components/schemas/DocumentToGive",
            json!({ "oneOf": [{ "allOf": [here("text"), here("title")] }, here("url")] }),
        ),
        (
            "/components/schemas/NewMessage",
            json!({
                "oneOf": [here("body"), here("content")], "if": template, "then": here("template"),
                "else": { "properties": { "template": { "type": "null" } } },
            }),
        ),
        (
            "/components/schemas/NewConversation",
            json!({ "allOf": [
                { "oneOf": [here("to"), here("contact_id")] }, { "oneOf": [here("body"), here("content")] },
            ] }),
        ),
        ("/components/schemas/ConversationPatch", json!({ "oneOf": [here("owner"), here("status")] })),
        (
            "/components/schemas/KeyToMake",
            json!({
                "if": here("agent_id"), "then": { "properties": { "scopes": { "items": { "const": "chat" } } } },
            }),
        ),
        ("/components/schemas/NewSecrets/properties/settings", json!({ "minProperties": 1 })),
        ("/components/schemas/ChannelToMake/properties/kind", json!({ "enum": kinds })),
        ("/components/schemas/RetentionToSet/properties/channels/propertyNames", json!({ "format": "uuid" })),
        (
            "/components/schemas/AgentSettings/properties/tools/items",
            json!({ "enum": actions::words().collect::<Vec<_>>() }),
        ),
        ("/components/schemas/WebhookEndpointToMake/properties/events/items", json!({ "enum": WORDS })),
        ("/components/schemas/WebhookEndpointAmendment/properties/events/items", json!({ "enum": WORDS })),
        ("/components/schemas/NewContact/properties/tags/items", json!({ "format": "line", "maxLength": 64 })),
        ("/components/schemas/ContactPatch/properties/tags/items", json!({ "format": "line", "maxLength": 64 })),
        ("/components/schemas/TaskFields/properties/tags/items", json!({ "format": "line", "maxLength": 64 })),
    ]
}

/// What a body needs where something is made or replaced, and not where it is changed.
fn bodies() -> Vec<(&'static str, Value)> {
    let made = |name: &str, needs: Value| {
        let whole = json!({ "$ref": format!("#/components/schemas/{name}") });
        json!({ "schema": { "allOf": [whole, needs] } })
    };
    let follow_up = || {
        let needs = json!({ "allOf": [here("note"), { "anyOf": [here("due"), here("due_at")] }] });
        made("FollowUpFields", needs)
    };
    vec![
        ("/paths/~1api~1v1~1tasks/post/requestBody/content/application~1json", made("TaskFields", here("title"))),
        ("/paths/~1api~1v1~1tasks~1{id}/put/requestBody/content/application~1json", made("TaskFields", here("title"))),
        ("/paths/~1api~1v1~1follow-ups/post/requestBody/content/application~1json", follow_up()),
        ("/paths/~1api~1v1~1follow-ups~1{id}/put/requestBody/content/application~1json", follow_up()),
        ("/paths/~1api~1v1~1memory/post/requestBody/content/application~1json", made("MemoryFields", here("text"))),
    ]
}

/// What has to be there has no default.
fn drop_defaults(document: &mut Value) {
    let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    for (_, schema) in schemas.into_iter().flatten() {
        let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        let Some(members) = schema.get_mut("properties").and_then(Value::as_object_mut) else { continue };
        for name in required.iter().filter_map(Value::as_str) {
            if let Some(member) = members.get_mut(name).and_then(Value::as_object_mut) {
                member.remove("default");
            }
        }
    }
}

/// A change of settings has their members, and null gives a default back.
fn patch_settings(document: &mut Value) {
    let members = document.pointer("/components/schemas/AgentSettings/properties").and_then(Value::as_object);
    let nullable = members.into_iter().flatten().map(|(name, member)| {
        let mut member = member.clone();
        if let Some(kind) = member.get("type").and_then(Value::as_str).map(str::to_owned) {
            insert(&mut member, "type", json!([kind, "null"]));
        }
        (name.clone(), member)
    });
    let nullable: Map<String, Value> = nullable.collect();
    if let Some(settings) = document.pointer_mut("/components/schemas/AgentPatch/properties/settings") {
        insert(settings, "properties", Value::Object(nullable));
        insert(settings, "additionalProperties", json!(false));
    }
}

/// What all parameters of a name have in common.
fn parameter(parameter: &mut Value) {
    let name = parameter.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let in_path = parameter.get("in").and_then(Value::as_str) == Some("path");
    let schema = match name.as_str() {
        "Idempotency-Key" => json!({ "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" }),
        "provider" if in_path => json!({ "type": "string", "enum": Provider::ALL.map(Provider::as_str) }),
        "file" if in_path => json!({ "type": "string", "enum": docs::FILES }),
        "events" => json!({ "type": "array", "minItems": 1, "items": { "type": "string", "enum": WORDS } }),
        id if in_path && (id.ends_with("id") || id.ends_with("Id")) => json!({ "type": "string", "format": "uuid" }),
        _ => return,
    };
    insert(parameter, "schema", schema);
}

fn insert(object: &mut Value, name: &str, member: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), member);
    }
}
