//! The ledger, asked of a running gateway: what a stranger, another workspace and too small a role get. What an operation
//! needs is proved from both sides: a key with everything else is refused, and a key with that alone may read.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use switchboard::domain::principals::Permission;

use crate::support::gateway::{Gateway, answer, scenario};
use crate::support::receiver::Receiver;

/// Asks an operation about things of the first workspace, with a body of the right type.
async fn status(gateway: &Gateway, operation: &str, ids: &BTreeMap<&str, String>, key: Option<&str>) -> u16 {
    let (method, path) = operation.split_once(' ').unwrap();
    let mut words = path.split('/').skip(2).skip_while(|word| *word == "v1");
    let column = words.next().unwrap_or_default();
    let id = ids.get(column).cloned().unwrap_or_else(|| gateway.whatsapp.id.clone());
    let address = path.replace("{id}", &id).replace("{agentId}", &id).replace("{merge_id}", &id);
    let address = address.replace("{document_id}", &id);
    let mut request = gateway.ask(method, &address);
    let functions_chat =
        format!(r#"{{"agent_id":"{}","messages":[{{"role":"user","content":"Hi"}}]}}"#, gateway.acme.other_agent.id);
    if matches!(method, "POST" | "PATCH" | "PUT") {
        let webhook = format!(r#"{{"webhook_id":"{}"}}"#, ids["webhook-endpoints"]);
        let body = match (column, path.rsplit('/').next()) {
            ("allxone-agent-chat", _) => &functions_chat,
            ("agents", _) => r#"{"messages":[{"role":"user","content":"Hi"}]}"#,
            ("contacts", Some("merge")) => r#"{"contact_id":"0198c1d2-7e00-7000-8000-00000000000c"}"#,
            ("contacts", _) => "{}",
            ("conversations", Some("messages")) => r#"{"body":"Hi"}"#,
            ("webhooks", Some("test")) => &webhook,
            _ => r#"{"owner":{"kind":"nobody"}}"#,
        };
        request = request.header("content-type", "application/json").body(body.to_owned());
    }
    if let Some(key) = key {
        request = request.bearer_auth(key);
    }
    answer(request).await.0
}

/// Makes something on the assistant's surface and gives its id.
async fn made(gateway: &Gateway, column: &str, body: &'static str) -> String {
    let request = gateway.acme("POST", &format!("/api/v1/{column}")).header("content-type", "application/json");
    let (status, made) = answer(request.body(body)).await;
    assert_eq!(status, 201, "{made}");
    made["data"]["id"].as_str().unwrap().to_owned()
}

/// The first workspace's things, by the first word of their address.
async fn things(gateway: &Gateway) -> BTreeMap<&'static str, String> {
    let conversation = gateway.customer_writes("wamid.1", "Hello").await;
    let messages = gateway.read(&format!("/api/conversations/{conversation}/messages")).await;
    let contact = gateway.read("/api/contacts").await["items"][0]["id"].as_str().unwrap().to_owned();
    let deliveries = gateway.read("/api/deliveries").await;
    let upload = gateway.acme("POST", "/api/files").header("content-type", "text/plain").body("x");
    let invite = gateway.acme("POST", "/api/invitations").json(&json!({"email": "x@example.com", "role": "viewer"}));
    let lead = gateway.acme("POST", "/api/leads").json(&json!({"contact_name": "Jane"}));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let receiver = Receiver::start().await;
    let hook = answer(gateway.acme("POST", "/api/webhook-endpoints").json(&json!({"url": receiver.url}))).await.1;
    let path = format!("/api/webhook-endpoints/{}", text(&hook["id"]));
    answer(gateway.acme("POST", &format!("{path}/test"))).await;
    let told = gateway.read(&format!("{path}/deliveries")).await;
    BTreeMap::from([
        ("agents", gateway.acme.other_agent.id.clone()),
        ("api-keys", text(&gateway.read("/api/api-keys").await["items"][0]["id"])),
        ("calendars", made(gateway, "calendars", r#"{"name":"Team","url":"https://example.com/a.ics"}"#).await),
        ("channels", gateway.whatsapp.id.clone()),
        ("contacts", contact),
        ("conversations", conversation),
        ("deliveries", text(&deliveries["items"][0]["id"])),
        ("files", text(&answer(upload).await.1["id"])),
        ("follow-ups", made(gateway, "follow-ups", r#"{"note":"Call","due":"tomorrow"}"#).await),
        ("invitations", text(&answer(invite).await.1["id"])),
        ("leads", text(&answer(lead).await.1["id"])),
        ("members", gateway.acme.owner.id.clone()),
        ("memory", made(gateway, "memory", r#"{"text":"Likes tea"}"#).await),
        ("messages", text(&messages["messages"][0]["id"])),
        ("tasks", made(gateway, "tasks", r#"{"title":"Call"}"#).await),
        ("templates", text(&gateway.read("/api/templates").await["items"][0]["id"])),
        ("webhook-deliveries", text(&told["items"][0]["id"])),
        ("webhook-endpoints", text(&hook["id"])),
        ("workspaces", gateway.acme.workspace.id.clone()),
    ])
}

#[test]
fn is_as_the_ledger_says() {
    scenario(|gateway| async move {
        let ids = things(&gateway).await;
        let mut without = BTreeMap::new();
        for needed in Permission::ALL {
            let others: Vec<_> = Permission::ALL.into_iter().filter(|other| *other != needed).collect();
            let lacking = gateway.key_with(&gateway.acme, &others).await;
            let alone = gateway.key_with(&gateway.acme, &[needed]).await;
            without.insert(needed.as_str(), (lacking, alone));
        }
        let rival = gateway.key_with(&gateway.rival, &Permission::ALL).await;
        let ledger: BTreeMap<String, BTreeMap<String, toml::Value>> =
            toml::from_str(include_str!("../../ledger.toml")).unwrap();
        for (operation, entry) in &ledger {
            let expected = |who: &str| entry[who].as_integer().map(|status| u16::try_from(status).unwrap());
            if let Some(expected) = expected("anonymous") {
                assert_eq!(status(&gateway, operation, &ids, None).await, expected, "{operation}: anonymous");
                let wrong = "sb_a-key-that-nobody-was-ever-given-0000";
                assert_eq!(status(&gateway, operation, &ids, Some(wrong)).await, expected, "{operation}: wrong key");
            }
            if let Some(expected) = expected("other_workspace") {
                assert_eq!(status(&gateway, operation, &ids, Some(&rival)).await, expected, "{operation}: another's");
            }
            if let Some(needs) = entry.get("needs") {
                let (lacking, alone) = &without[needs.as_str().unwrap()];
                assert_eq!(status(&gateway, operation, &ids, Some(lacking)).await, 403, "{operation}: all but {needs}");
                // Only what changes nothing is tried: the others need these things as they are.
                if operation.starts_with("GET ") {
                    let status = status(&gateway, operation, &ids, Some(alone)).await;
                    assert!(status != 401 && status != 403, "{operation}: {needs} alone gives {status}");
                }
            }
        }
    });
}
