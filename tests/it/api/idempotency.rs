//! Every POST that makes or sends something takes an `Idempotency-Key`; every other one stands here with its reason.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::gateway::{Gateway, answer, scenario};
use crate::support::receiver::Receiver;

/// POSTs that make nothing and send nothing of which there could be a second one.
const WITHOUT: &[(&str, &str)] = &[
    ("/api/agents/{id}/documents/{document_id}/refresh", "reads again what is there"),
    ("/api/api-keys/{id}/rotate", "changes a key that is there; its new secret is told to nobody twice"),
    ("/api/auth/password", "changes what is there"),
    ("/api/auth/sign-in", "opens a session for whoever proves to be somebody; nobody has keys before"),
    ("/api/auth/sign-out", "ends what is there"),
    ("/api/auth/sign-up", "nobody has keys before; the address is unique, so a second time is refused"),
    ("/api/channels/{id}/pause", "changes what is there"),
    ("/api/channels/{id}/resume", "changes what is there"),
    ("/api/channels/{id}/rotate", "changes what is there"),
    ("/api/channels/{id}/templates/sync", "reads again what is there"),
    ("/api/channels/{id}/test", "asks the vendor what is so, and tells nobody anything"),
    ("/api/contacts/{id}/merge", "joins what is there; a second time there is nothing to join"),
    ("/api/contacts/{id}/merges/{merge_id}/undo", "a second time is refused"),
    ("/api/conversations/{id}/read", "a second time changes nothing"),
    ("/api/conversations/{id}/typing", "passes by; nothing is kept"),
    ("/api/deliveries/{id}/redeliver", "the vendor's ids keep what it holds from being there twice"),
    ("/api/invitations/accept", "the token is good once"),
    ("/api/jobs/{id}/retry", "a second time there is nothing to try again"),
    ("/api/v1/auth/otp/send", "nobody has keys before; a code that is on its way is not sent again"),
    ("/api/v1/auth/otp/verify", "the code is good once"),
    ("/api/webhook-deliveries/{id}/redeliver", "goes out under the id by which its receiver knows it"),
    ("/api/webhook-endpoints/{id}/enable", "changes what is there"),
    ("/api/webhook-endpoints/{id}/redeliver", "goes out under the ids by which their receiver knows them"),
    ("/api/webhook-endpoints/{id}/rotate-secret", "changes what is there"),
    ("/api/webhooks/{kind}", "the vendor's ids keep what it holds from being there twice"),
    ("/api/webhooks/{kind}/{channel_id}", "the vendor's ids keep what it holds from being there twice"),
    ("/api/widget/sessions", "a visitor has no keys before; the token of the first session continues it"),
];

/// The paths of the documented POSTs that are built, and whether they take the header.
fn posts() -> Vec<(String, bool)> {
    let document: Value = serde_json::from_str(&switchboard::api::openapi_json()).unwrap();
    let mut posts = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let operation = &item["post"];
        let unbuilt = operation["tags"].as_array().is_some_and(|tags| tags.contains(&json!("not built yet")));
        if operation.is_object() && !unbuilt {
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let takes = parameters.iter().any(|one| one["name"] == "Idempotency-Key" && one["in"] == "header");
            posts.push((path.clone(), takes));
        }
    }
    posts
}

#[test]
fn every_post_takes_the_header_or_says_why_not() {
    let kept: BTreeSet<&str> = WITHOUT.iter().map(|(path, _)| *path).collect();
    let posts = posts();
    let without: BTreeSet<&str> = posts.iter().filter(|(_, takes)| !takes).map(|(path, _)| path.as_str()).collect();
    assert_eq!(without, kept, "left: documented without the header; right: the list of reasons");
}

/// What is asked of an operation, twice the same and once something else.
struct Case {
    path: &'static str,
    /// The address, where the path names something.
    address: String,
    body: Value,
    other: Value,
}

async fn cases(gateway: &Gateway) -> Vec<Case> {
    let case = |path: &'static str, body: Value, other: Value| Case { path, address: path.to_owned(), body, other };
    let at = |case: Case, name: &str, id: &str| Case { address: case.path.replace(name, id), ..case };
    let agent = gateway.acme.agent.id.as_str();
    let conversation = gateway.customer_writes("wamid.1", "Hello").await;
    let hook = json!({"url": Receiver::start().await.url});
    let (_, endpoint) = answer(gateway.acme("POST", "/api/webhook-endpoints").json(&hook)).await;
    let (_, second) = answer(gateway.acme("POST", "/api/webhook-endpoints").json(&hook)).await;
    let said = |text: &str| json!({"messages": [{"role": "user", "content": text}], "session_id": "s"});
    let agent_named = |name: &str| json!({"name": name, "model": "builtin/echo"});
    let streamed = |text: &str| json!({"agent_id": agent, "messages": [{"role": "user", "content": text}]});
    let channel = |name: &str| {
        let settings = json!({"account_sid": format!("AC{}", "9".repeat(32)), "auth_token": "t".repeat(32), "sender": "+15005550006"});
        json!({"kind": "twilio", "name": name, "settings": settings})
    };
    let widget = json!({"channel_id": gateway.acme.widget.id});
    let (_, session) = answer(gateway.ask("POST", "/api/widget/sessions").json(&widget)).await;
    let lead_form = json!({"settings": {"lead_form": "button"}});
    answer(gateway.acme("PATCH", &format!("/api/channels/{}", gateway.acme.widget.id)).json(&lead_form)).await;
    let form = |text: &str| json!({"token": session["token"], "contact_email": "j@example.com", "message": text});
    let mut contacts = Vec::new();
    for name in ["Lea", "Mia"] {
        let (_, contact) = answer(gateway.acme("POST", "/api/contacts").json(&json!({"name": name}))).await;
        contacts.push(contact["id"].as_str().unwrap().to_owned());
    }
    let template = |name: &str| {
        json!({"channel_id": gateway.whatsapp.id, "name": name, "language": "en", "category": "UTILITY",
            "components": [{"type": "BODY", "text": "Hello"}]})
    };
    let calendar = |name: &str| json!({"name": name, "url": "http://127.0.0.1:9/a.ics"});
    vec![
        case("/api/agents", agent_named("Ada"), agent_named("Bob")),
        at(case("/api/agents/{agentId}/chat", said("Hi"), said("Ho")), "{agentId}", agent),
        at(
            case(
                "/api/agents/{id}/documents",
                json!({"title": "Hours", "text": "Open at nine."}),
                json!({"title": "Hours", "text": "Open at ten."}),
            ),
            "{id}",
            agent,
        ),
        case("/api/api-keys", json!({"name": "shop"}), json!({"name": "other"})),
        case("/api/channels", channel("sms"), channel("other")),
        case("/api/contacts", json!({"name": "Jane"}), json!({"name": "Kim"})),
        at(case("/api/contacts/{id}/erasure", json!({}), json!(contacts[1])), "{id}", &contacts[0]),
        case(
            "/api/conversations",
            json!({"channel_id": gateway.whatsapp.id, "to": "+4915112345678", "body": "Hi"}),
            json!({"channel_id": gateway.whatsapp.id, "to": "+4915112345678", "body": "Ho"}),
        ),
        at(
            case("/api/conversations/{id}/messages", json!({"body": "Hi"}), json!({"body": "Ho"})),
            "{id}",
            &conversation,
        ),
        case("/api/files", json!("one"), json!("two")),
        case(
            "/api/invitations",
            json!({"email": "kim@example.com", "role": "viewer"}),
            json!({"email": "kim@example.com", "role": "agent"}),
        ),
        case("/api/leads", json!({"contact_name": "Jane"}), json!({"contact_name": "Kim"})),
        case("/api/templates", template("one"), template("two")),
        case("/api/v1/calendars", calendar("Team"), calendar("Shop")),
        case("/api/v1/chat", json!({"message": "Hi"}), json!({"message": "Ho"})),
        case(
            "/api/v1/follow-ups",
            json!({"note": "Call", "due": "tomorrow"}),
            json!({"note": "Write", "due": "tomorrow"}),
        ),
        case("/api/v1/memory", json!({"text": "Tea"}), json!({"text": "Coffee"})),
        case("/api/v1/tasks", json!({"title": "Call"}), json!({"title": "Write"})),
        case("/api/webhook-endpoints", hook, json!({"url": "http://127.0.0.1:9/"})),
        at(
            case("/api/webhook-endpoints/{id}/test", json!({}), second["id"].clone()),
            "{id}",
            endpoint["id"].as_str().unwrap(),
        ),
        case("/api/widget/leads", form("Hi"), form("Ho")),
        case("/api/workspaces", json!({"name": "Second"}), json!({"name": "Third"})),
        case("/functions/v1/allxone-agent-chat", streamed("Hi"), streamed("Ho")),
        case("/functions/v1/leads", json!({"contact_name": "Jane"}), json!({"contact_name": "Kim"})),
        case("/functions/v1/webhooks/test", json!({"webhook_id": endpoint["id"]}), json!({"webhook_id": second["id"]})),
    ]
}

/// Asks under the operation's own key; gives status, whether it is a repetition, and the body.
async fn ask(gateway: &Gateway, case: &Case, body: &Value) -> (u16, bool, String) {
    // Some have no body: with another id it is another request.
    let address = match body.as_str().filter(|_| case.path.contains("{id}")) {
        Some(id) => case.path.replace("{id}", id),
        None => case.address.clone(),
    };
    let request = gateway.by_cookie(&gateway.acme.session, "POST", &address);
    let request = request.header("x-tenant-id", &gateway.acme.workspace.id).header("idempotency-key", case.path);
    let request = match case.path {
        "/api/files" => request.header("content-type", "text/plain").body(body.to_string()),
        _ => request.json(body),
    };
    let answered = request.send().await.unwrap();
    let repeated = answered.headers().get("idempotent-replayed").is_some_and(|value| value == "true");
    (answered.status().as_u16(), repeated, answered.text().await.unwrap())
}

#[test]
fn what_takes_the_header_does_it_once() {
    scenario(|gateway| async move {
        let cases = cases(&gateway).await;
        let tried: BTreeSet<&str> = cases.iter().map(|case| case.path).collect();
        let posts = posts();
        let take: BTreeSet<&str> = posts.iter().filter(|(_, takes)| *takes).map(|(path, _)| path.as_str()).collect();
        assert_eq!(tried, take, "left: what is tried here; right: what is documented with the header");
        for case in &cases {
            let (status, repeated, first) = ask(&gateway, case, &case.body).await;
            assert!(matches!(status, 200..=202) && !repeated, "{}: {status} {first}", case.path);
            let (again, repeated, second) = ask(&gateway, case, &case.body).await;
            assert!(again == status && repeated, "{}: {again} {second}", case.path);
            let id = |body: &str| serde_json::from_str::<Value>(body).ok().map(|body| body["id"].clone());
            assert_eq!(id(&first), id(&second), "{}", case.path);
            let (status, _, refused) = ask(&gateway, case, &case.other).await;
            assert!(status == 409 && refused.contains("IDEMPOTENCY_MISMATCH"), "{}: {status} {refused}", case.path);
        }
    });
}

#[test]
fn a_secret_that_is_told_once_is_not_told_by_a_repetition() {
    scenario(|gateway| async move {
        for (path, body, secret) in [
            ("/api/api-keys", json!({"name": "shop"}), "key"),
            ("/api/invitations", json!({"email": "kim@example.com", "role": "viewer"}), "token"),
        ] {
            let ask = || gateway.acme("POST", path).header("idempotency-key", path).json(&body);
            let (status, first) = answer(ask()).await;
            assert!(status == 201 && first[secret].is_string(), "{first}");
            let (status, second) = answer(ask()).await;
            assert_eq!((status, &second["id"], second.get(secret)), (201, &first["id"], None), "{second}");
            let list = gateway.read(path).await;
            let made = list["items"].as_array().unwrap().iter().filter(|one| one["id"] == first["id"]).count();
            assert_eq!(made, 1, "{list}");
        }
    });
}
