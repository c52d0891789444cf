//! Tenants, asked of a running gateway: with every id of one workspace, in addresses, queries and bodies, the owner of
//! another gets nothing, changes nothing and learns nothing.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};
use switchboard::domain::principals::Permission;

use crate::support::gateway::{Gateway, answer, scenario_of};
use crate::support::process::await_some;
use crate::support::receiver::Receiver;
use crate::support::schema::rows_of;

/// Stands in everything of the first workspace that has a text.
const MARK: &str = "arcanum";
/// Texts that are the caller's own words, whatever they look like.
const OWN_WORDS: [&str; 2] = ["external_id", "session_id"];

/// Bodies that are good without any id, or with an id of the caller's own.
const MINIMAL: [(&str, &str); 8] = [
    ("/api/api-keys", r#"{"name":"x","scopes":["chat"]}"#),
    ("/api/leads", r#"{"contact_name":"x"}"#),
    ("/api/v1/follow-ups", r#"{"note":"x","due":"tomorrow"}"#),
    ("/api/v1/memory", r#"{"text":"x"}"#),
    ("/api/v1/tasks", r#"{"title":"x"}"#),
    ("/api/webhook-endpoints", r#"{"url":"http://127.0.0.1:9/"}"#),
    ("/functions/v1/allxone-agent-chat", r#"{"messages":[{"role":"user","content":"x"}]}"#),
    ("/functions/v1/leads", r#"{"contact_name":"x","contact_email":"x@example.com"}"#),
];

/// An operation of the document.
struct Operation<'a> {
    method: Method,
    path: &'a str,
    parameters: Vec<&'a str>,
    queries: Vec<&'a str>,
    body: Option<Value>,
}

/// The operations that need a credential and are built.
fn operations(document: &Value) -> Vec<Operation<'_>> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, described) in item.as_object().unwrap() {
            let asks_nothing = |one: &Value| one.as_object().is_some_and(serde_json::Map::is_empty);
            if described["security"].as_array().is_some_and(|all| all.iter().any(asks_nothing)) {
                continue;
            }
            let of = |place: &str| {
                let all = described["parameters"].as_array().into_iter().flatten();
                all.filter(|one| one["in"] == place).filter_map(|one| one["name"].as_str()).collect::<Vec<_>>()
            };
            let body = described.pointer("/requestBody/content/application~1json/schema");
            found.push(Operation {
                method: Method::from_bytes(method.to_ascii_uppercase().as_bytes()).unwrap(),
                path,
                parameters: of("path"),
                queries: of("query").into_iter().filter(|name| is_id(name)).collect(),
                body: body.map(|schema| sample(document, schema, 0)),
            });
        }
    }
    found
}

fn is_id(name: &str) -> bool {
    (name.ends_with("_id") || name == "reply_to") && !OWN_WORDS.contains(&name)
}

/// A body as the document shows it: its examples.
fn sample(document: &Value, schema: &Value, depth: usize) -> Value {
    if let Some(reference) = schema["$ref"].as_str() {
        return sample(document, document.pointer(reference.trim_start_matches('#')).unwrap(), depth);
    }
    if let Some(example) = schema.get("example") {
        return example.clone();
    }
    if let Some(one) = ["oneOf", "anyOf", "allOf"].iter().find_map(|name| schema[name].as_array()) {
        let one = one.iter().find(|one| one["type"] != "null").unwrap();
        return sample(document, one, depth);
    }
    let Some(properties) = schema["properties"].as_object().filter(|_| depth < 4) else { return json!("x") };
    properties.iter().map(|(name, property)| (name.clone(), sample(document, property, depth + 1))).collect()
}

/// Everything a workspace can have, each with the mark where it has a text. Gives one id of each kind.
async fn furnish(gateway: &Gateway) -> BTreeMap<&'static str, String> {
    let conversation = gateway.customer_writes("wamid.1", &format!("I am {MARK}")).await;
    let shown = gateway.read(&format!("/api/conversations/{conversation}")).await;
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("no id: {value}")).to_owned();
    let contact = text(&shown["contact"]["id"]);
    let (receiver, agent) = (Receiver::start().await, gateway.acme.agent.id.clone());
    let mut ids = BTreeMap::from([
        ("agents", agent.clone()),
        ("channels", gateway.whatsapp.id.clone()),
        ("contacts", contact.clone()),
        ("conversations", conversation.clone()),
        ("members", gateway.acme.owner.id.clone()),
        ("workspaces", gateway.acme.workspace.id.clone()),
    ]);
    for (kind, path, body) in [
        ("calendars", "/api/v1/calendars", json!({ "name": MARK, "url": "https://example.com/arcanum.ics" })),
        ("follow-ups", "/api/v1/follow-ups", json!({ "note": MARK, "due": "tomorrow", "contact_id": contact })),
        ("invitations", "/api/invitations", json!({ "email": "arcanum@example.com", "role": "viewer" })),
        ("leads", "/api/leads", json!({ "contact_name": MARK, "conversation_id": conversation })),
        ("memory", "/api/v1/memory", json!({ "text": MARK, "contact_id": contact })),
        ("tasks", "/api/v1/tasks", json!({ "title": MARK, "contact_id": contact })),
        ("webhook-endpoints", "/api/webhook-endpoints", json!({ "url": receiver.url, "description": MARK })),
    ] {
        let (status, made) = answer(gateway.acme("POST", path).json(&body)).await;
        assert_eq!(status, 201, "{path}: {made}");
        ids.insert(kind, text(made.get("id").unwrap_or(&made["data"]["id"])));
    }
    let draft = json!({ "channel_id": gateway.whatsapp.id, "name": MARK, "language": "en", "category": "UTILITY",
        "components": [{ "type": "BODY", "text": MARK }] });
    ids.insert("templates", text(&answer(gateway.acme("POST", "/api/templates").json(&draft)).await.1["id"]));
    let other = answer(gateway.acme("POST", "/api/contacts").json(&json!({ "name": MARK }))).await.1;
    let merge = gateway.acme("POST", &format!("/api/contacts/{contact}/merge"));
    let merged = answer(merge.json(&json!({ "contact_id": other["id"], "evidence": MARK }))).await.1;
    ids.insert("merges", text(&merged["merge"]["id"]));
    let known = json!({ "title": MARK, "source": MARK, "text": format!("The secret is {MARK}.") });
    let given = answer(gateway.acme("POST", &format!("/api/agents/{agent}/documents")).json(&known)).await.1;
    ids.insert("documents", text(&given["id"]));
    let upload = gateway.acme("POST", &format!("/api/files?filename={MARK}")).header("content-type", "text/plain");
    ids.insert("files", text(&answer(upload.body(MARK)).await.1["id"]));
    let key = json!({ "name": MARK, "scopes": ["read"] });
    let made = answer(gateway.acme("POST", "/api/api-keys").json(&key)).await.1;
    ids.insert("api-keys", text(made.get("id").unwrap_or(&made["api_key"]["id"])));
    ids.insert("deliveries", text(&gateway.read("/api/deliveries").await["items"][0]["id"]));
    let messages = gateway.read(&format!("/api/conversations/{conversation}/messages")).await;
    ids.insert("messages", text(&messages["messages"][0]["id"]));
    let told = format!("/api/webhook-endpoints/{}/deliveries", ids["webhook-endpoints"]);
    answer(gateway.acme("POST", &told.replace("deliveries", "test"))).await;
    ids.insert("webhook-deliveries", text(&gateway.read(&told).await["items"][0]["id"]));
    ids
}

/// Tells what another's id gave that it must not give.
async fn try_id(gateway: &Gateway, key: &str, asked: (&Method, &str, Option<&Value>), lists: bool) -> Option<String> {
    let (method, path, body) = asked;
    let mut request = gateway.ask(method.as_str(), path).bearer_auth(key);
    if let Some(body) = body {
        request = request.json(body);
    }
    let response = request.send().await.unwrap();
    let (status, text) = (response.status().as_u16(), response.text().await.unwrap_or_default());
    let refused = matches!(status, 400 | 404 | 405 | 409 | 415 | 422) || lists && status == 200;
    let leaks = text.to_lowercase().contains(MARK);
    (!refused || leaks).then(|| format!("{method} {path} {}: {status} {text}", body.unwrap_or(&Value::Null)))
}

/// With each id of the first workspace in each place of an operation.
async fn fuzz(gateway: &Gateway, key: &str, operation: &Operation<'_>, ids: &BTreeSet<String>) -> Vec<String> {
    let mut findings = Vec::new();
    let Operation { method, path, parameters, queries, body } = operation;
    for id in ids {
        if !parameters.is_empty() && !parameters.contains(&"provider") {
            let address = parameters.iter().fold((*path).to_owned(), |at, name| at.replace(&format!("{{{name}}}"), id));
            findings.extend(try_id(gateway, key, (method, &address, body.as_ref()), false).await);
        }
        for name in queries.iter().filter(|_| parameters.is_empty()) {
            let address = format!("{path}?{name}={id}&q=arcanu");
            findings.extend(try_id(gateway, key, (method, &address, None), true).await);
        }
        let members = body.iter().filter_map(Value::as_object).flat_map(|body| body.keys()).filter(|name| is_id(name));
        for name in members.filter(|_| parameters.is_empty()) {
            // Good but for the one id, where the operation makes something.
            let good = MINIMAL.iter().find(|(known, _)| known == path && *method == Method::POST);
            let mut foreign: Value = match good {
                Some((_, text)) => serde_json::from_str(text).unwrap(),
                None => body.clone().unwrap(),
            };
            foreign[name] = json!(id);
            findings.extend(try_id(gateway, key, (method, path, Some(&foreign)), false).await);
        }
    }
    findings
}

#[test]
fn no_id_of_another_workspace_leads_anywhere() {
    scenario_of(8, |gateway| async move {
        let ids = furnish(&gateway).await;
        let own = gateway.key_with(&gateway.rival, &Permission::ALL).await;
        let acme = gateway.acme.workspace.id.clone();
        // What is under way of the first workspace's own ends before its rows are compared.
        let settled = || async {
            let jobs = gateway.switchboard.store.count_jobs().await.unwrap();
            let due = jobs.iter().any(|jobs| jobs.kind != "remind");
            if !due { Ok(()) } else { Err(format!("{jobs:?}")) }
        };
        await_some("nothing to do", settled).await;
        let rests = || async {
            let (one, other) = (rows_of(&gateway.database(), &acme).await, rows_of(&gateway.database(), &acme).await);
            if one == other { Ok(one) } else { Err("they still change".to_owned()) }
        };
        let before = await_some("rows that rest", rests).await;
        // Without another's id these bodies are good, so that it is the id for which they are refused.
        for (path, body) in &MINIMAL[..6] {
            let request = gateway.ask("POST", path).bearer_auth(&own).header("content-type", "application/json");
            let (status, made) = answer(request.body(*body)).await;
            assert_eq!(status, 201, "{path}: {made}");
        }
        let (_, document) = answer(gateway.ask("GET", "/openapi.json")).await;
        let operations = operations(&document);
        let ids: BTreeSet<String> = ids.into_values().collect();
        let (mut findings, mut tried) = (Vec::new(), 0);
        for operation in &operations {
            tried += usize::from(!operation.parameters.is_empty());
            findings.extend(fuzz(&gateway, &own, operation, &ids).await);
        }
        assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
        assert!(tried > 60, "{tried} operations with ids in their addresses");
        assert_eq!(rows_of(&gateway.database(), &acme).await, before, "nothing of the other workspace is changed");
    });
}
