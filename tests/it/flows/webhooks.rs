//! What happens is told to a customer's server: signed, in time, once it answers, and to nobody who should not hear it.

use serde_json::{Value, json};
use switchboard::net::{self, Client, Trust};
use switchboard::usecases::channels::Unchanged;
use switchboard::usecases::webhooks::Wanted;

use crate::support::gateway::{Gateway, answer, scenario};
use crate::support::process::await_some;
use crate::support::receiver::Receiver;

async fn endpoint(gateway: &Gateway, more: Value) -> Value {
    let mut body = json!({ "description": "the shop" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let (status, made) = answer(gateway.acme("POST", "/api/webhook-endpoints").json(&body)).await;
    assert_eq!(status, 201, "{made}");
    made
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// Waits until a resource shows this.
async fn shows(gateway: &Gateway, path: &str, what: &str, seen: impl Fn(&Value) -> bool) -> Value {
    await_some(what, || async {
        let shown = gateway.read(path).await;
        if seen(&shown) { Ok(shown) } else { Err(shown.to_string()) }
    })
    .await
}

#[test]
fn what_happens_is_told_and_signed() {
    scenario(|gateway| async move {
        let receiver = Receiver::start().await;
        let made = endpoint(&gateway, json!({ "url": receiver.url })).await;
        let conversation = gateway.customer_writes("wamid.1", "Hello").await;
        let sent = receiver.until_event("message.sent").await;
        let received = receiver.until_event("message.received").await;
        for told in [&sent, &received] {
            assert!(told.is_signed_with(text(&made["secret"])));
            assert!(!told.is_signed_with("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="));
            assert_eq!(told.headers["content-type"], "application/json");
            assert!(told.headers["user-agent"].starts_with("Switchboard-Webhooks/"));
            assert!(!told.headers.contains_key("authorization"));
            let body = told.json();
            assert_eq!(body["id"], told.id());
            assert_eq!(body["workspace_id"], gateway.acme.workspace.id.as_str());
            assert_eq!(body["agent_id"], gateway.acme.agent.id.as_str());
            assert_eq!((&body["agent_name"], &body["data"]["conversation_id"]), (&json!("Echo"), &json!(conversation)));
            assert!(text(&body["timestamp"]).ends_with('Z'));
        }
        assert_eq!(received.json()["data"]["message"]["body"], "Hello");
        let list = format!("/api/webhook-endpoints/{}/deliveries?state=delivered", text(&made["id"]));
        shows(&gateway, &list, "all to be delivered", |list| list["total"].as_u64() >= Some(3)).await;
        let ids: Vec<_> = receiver.received().iter().map(|one| one.id().to_owned()).collect();
        let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(ids.len(), distinct.len(), "an event is told once");
    });
}

#[test]
fn only_what_is_wanted_is_told_and_only_from_now_on() {
    scenario(|gateway| async move {
        let receivers = [Receiver::start().await, Receiver::start().await, Receiver::start().await];
        gateway.customer_writes("wamid.1", "Too early").await;
        endpoint(&gateway, json!({ "url": receivers[0].url, "events": ["message.received"] })).await;
        endpoint(&gateway, json!({ "url": receivers[1].url, "agent_id": gateway.acme.other_agent.id })).await;
        let body = json!({ "url": receivers[2].url });
        let rival = gateway.ask("POST", "/api/webhook-endpoints").bearer_auth(&gateway.rival.key).json(&body);
        assert_eq!(answer(rival).await.0, 201);
        gateway.customer_writes("wamid.2", "Hello").await;
        gateway.customer_writes("wamid.3", "Again").await;
        let told = receivers[0].until(2).await;
        let words: Vec<_> = told.iter().map(|one| one.json()["event"].clone()).collect();
        assert_eq!(words, ["message.received", "message.received"]);
        let bodies: Vec<_> = told.iter().map(|one| one.json()["data"]["message"]["body"].clone()).collect();
        assert!(bodies.contains(&json!("Hello")) && bodies.contains(&json!("Again")), "{bodies:?}");
        // The others have passed these events by, and were told of none.
        for (endpoint, _) in gateway.switchboard.store.webhook_endpoints(&gateway.acme.workspace.id, 10, 0).await.iter()
        {
            for endpoint in endpoint.iter().filter(|one| one.agent_id.is_some()) {
                let path = format!("/api/webhook-endpoints/{}", endpoint.id);
                let newest = gateway.read("/api/events").await["newest_seq"].as_i64();
                shows(&gateway, &path, "the events to pass", |shown| shown["event_seq"].as_i64() >= newest).await;
            }
        }
        assert!(receivers[1].received().is_empty() && receivers[2].received().is_empty());
    });
}

#[test]
fn a_refused_delivery_is_tried_again_under_its_id() {
    scenario(|gateway| async move {
        let receiver = Receiver::start().await;
        receiver.answers(&["500 Oops", "301 Moved\r\nlocation: http://127.0.0.1:1/", "200 OK"]);
        let made = endpoint(&gateway, json!({ "url": receiver.url, "events": ["message.received"] })).await;
        gateway.customer_writes("wamid.1", "Hello").await;
        let list = format!("/api/webhook-endpoints/{}/deliveries", text(&made["id"]));
        let waits = |list: &Value| list["items"][0]["attempt_count"] == 1;
        let waiting = shows(&gateway, &list, "the first attempt", waits).await;
        assert_eq!(waiting["items"][0]["state"], "waiting");
        assert_eq!(waiting["items"][0]["reason"], "the endpoint answered 500");
        gateway.switchboard.store.clock().advance(7_000);
        receiver.until(2).await;
        let second = |list: &Value| list["items"][0]["attempt_count"] == 2;
        shows(&gateway, &list, "the second attempt", second).await;
        gateway.switchboard.store.clock().advance(370_000);
        let all = receiver.until(3).await;
        assert!(all.iter().all(|one| one.id() == all[0].id() && one.body == all[0].body));
        let signatures: std::collections::BTreeSet<_> =
            all.iter().map(|one| one.headers["webhook-signature"].clone()).collect();
        assert_eq!(signatures.len(), 3, "each attempt is signed for its own time");
        let done = shows(&gateway, &list, "the end", |list| list["items"][0]["state"] == "delivered").await;
        let path = format!("/api/webhook-deliveries/{}", text(&done["items"][0]["id"]));
        let shown = gateway.read(&path).await;
        let statuses: Vec<_> = shown["attempts"].as_array().unwrap().iter().map(|one| one["status"].clone()).collect();
        assert_eq!(statuses, [500, 301, 200]);
        assert_eq!(shown["attempts"][2]["response"], "noted");
        assert_eq!(shown["body"]["data"]["message"]["body"], "Hello");
        let secret = text(&made["secret"]).strip_prefix("whsec_").unwrap();
        for hidden in [secret, "v1,"] {
            assert!(!shown.to_string().contains(hidden), "{hidden} is shown");
        }
    });
}

#[test]
fn a_new_secret_signs_beside_the_old_one_for_a_while() {
    scenario(|gateway| async move {
        let receiver = Receiver::start().await;
        let made = endpoint(&gateway, json!({ "url": receiver.url, "events": ["message.received"] })).await;
        let old = text(&made["secret"]).to_owned();
        let path = format!("/api/webhook-endpoints/{}", text(&made["id"]));
        let rotate = gateway.acme("POST", &format!("{path}/rotate-secret")).json(&json!({ "overlap_seconds": 60 }));
        let (status, rotated) = answer(rotate).await;
        assert_eq!(status, 200, "{rotated}");
        let new = text(&rotated["secret"]).to_owned();
        assert_eq!(rotated["retiring_secrets"].as_array().unwrap().len(), 1);
        gateway.customer_writes("wamid.1", "Both").await;
        let both = receiver.until(1).await.remove(0);
        assert!(both.is_signed_with(&new) && both.is_signed_with(&old));
        assert_eq!(both.headers["webhook-signature"].split(' ').count(), 2);
        gateway.switchboard.store.clock().advance(61_000);
        gateway.customer_writes("wamid.2", "One").await;
        let one = receiver.until(2).await.remove(1);
        assert!(one.is_signed_with(&new) && !one.is_signed_with(&old));
        assert_eq!(gateway.read(&path).await["retiring_secrets"], json!([]));
    });
}

#[test]
fn an_endpoint_that_wants_no_more_is_disabled_and_its_owner_told() {
    scenario(|gateway| async move {
        let (gone, other) = (Receiver::start().await, Receiver::start().await);
        gone.answers(&["410 Gone"]);
        let made = endpoint(&gateway, json!({ "url": gone.url, "events": ["message.received"] })).await;
        endpoint(&gateway, json!({ "url": other.url, "events": ["webhook.disabled"] })).await;
        gateway.customer_writes("wamid.1", "Hello").await;
        let told = other.until_event("webhook.disabled").await.json();
        assert_eq!(told["data"]["endpoint_id"], made["id"]);
        let path = format!("/api/webhook-endpoints/{}", text(&made["id"]));
        let shown = gateway.read(&path).await;
        assert_eq!(shown["state"], "disabled");
        assert!(text(&shown["disabled_reason"]).contains("no more"));
        gateway.customer_writes("wamid.2", "Unheard").await;
        let again = answer(gateway.acme("POST", &format!("{path}/redeliver")).json(&json!({ "since": 0 }))).await;
        assert_eq!(again.0, 409);

        let (status, enabled) = answer(gateway.acme("POST", &format!("{path}/enable"))).await;
        assert_eq!((status, &enabled["state"]), (200, &json!("active")));
        gateway.customer_writes("wamid.3", "Heard").await;
        assert_eq!(gone.until(2).await[1].json()["data"]["message"]["body"], "Heard");
        // What failed and what was missed is told when it is asked for, and what was delivered is not told again.
        let wish = json!({ "since": 0, "only_failed": true });
        let (status, due) = answer(gateway.acme("POST", &format!("{path}/redeliver")).json(&wish)).await;
        assert_eq!((status, &due["deliveries"]), (202, &json!(2)));
        let all = gone.until(4).await;
        let bodies: std::collections::BTreeSet<_> =
            all[2..].iter().map(|one| one.json()["data"]["message"]["body"].to_string()).collect();
        assert_eq!(bodies, ["\"Hello\"", "\"Unheard\""].map(str::to_owned).into());
        let hello = all[2..].iter().find(|one| one.body.contains("Hello")).unwrap();
        assert_eq!(hello.id(), all[0].id(), "the same event has the same id");
    });
}

#[test]
fn an_endpoint_that_does_nothing_but_fail_is_paused_and_then_disabled() {
    scenario(|gateway| async move {
        let receiver = Receiver::start().await;
        receiver.answers(&["503 Busy"; 200]);
        let made = endpoint(&gateway, json!({ "url": receiver.url })).await;
        for number in 0..4 {
            gateway.customer_writes(&format!("wamid.{number}"), "Hello").await;
        }
        let path = format!("/api/webhook-endpoints/{}", text(&made["id"]));
        let paused = |shown: &Value| shown["failures"].as_i64() >= Some(10) && shown["paused_until"].is_i64();
        shows(&gateway, &path, "a pause", paused).await;
        // What was under way when the pause began has ended, too.
        let ended = |shown: &Value| shown["failures"].as_u64() == u64::try_from(receiver.received().len()).ok();
        shows(&gateway, &path, "what was under way to end", ended).await;
        let before = receiver.received().len();
        gateway.switchboard.store.clock().advance(6 * 24 * 60 * 60 * 1_000);
        shows(&gateway, &path, "the end", |shown| shown["state"] == "disabled").await;
        assert_eq!(receiver.received().len(), before + 1, "who is paused is tried with one delivery");
        let failed = gateway.read(&format!("{path}/deliveries?state=failed")).await;
        assert_eq!(failed["total"], gateway.read(&format!("{path}/deliveries")).await["total"]);
        assert!(failed["items"].as_array().unwrap().iter().any(|one| one["reason"] == "the endpoint was disabled"));
    });
}

#[test]
fn a_dead_endpoint_holds_up_no_other() {
    scenario(|gateway| async move {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let mute = format!("http://{}/", listener.local_addr().unwrap());
        let receiver = Receiver::start().await;
        endpoint(&gateway, json!({ "url": mute, "timeout_ms": 30_000 })).await;
        endpoint(&gateway, json!({ "url": receiver.url, "events": ["message.received"] })).await;
        for number in 0..6 {
            gateway.customer_writes(&format!("wamid.{number}"), "Hello").await;
        }
        receiver.until(6).await;
    });
}

#[test]
fn addresses_within_are_neither_taken_nor_called() {
    scenario(|gateway| async move {
        let outside = Client::new(net::Options::default(), Trust::Outside).unwrap();
        let receiver = Receiver::start().await;
        let made = endpoint(&gateway, json!({ "url": receiver.url })).await;
        let workspace_id = &gateway.acme.workspace.id;
        for url in [
            "http://127.0.0.1/",
            "https://127.0.0.1/",
            "https://localhost/",
            "https://[::1]/",
            "https://10.0.0.1/",
            "https://169.254.169.254/latest",
            "https://0x7f.1/",
            "ftp://example.com/",
            "https://user@1.1.1.1/",
            "nothing",
        ] {
            let wanted = Wanted { url: Some(url.to_owned()), ..Wanted::default() };
            let refused = gateway.switchboard.create_webhook(workspace_id, wanted, None, None, &outside).await;
            let Err(Unchanged::Fields(problems)) = refused else { panic!("{url}: {refused:?}") };
            assert_eq!(problems[0].field, "url", "{url}");
        }
        let id = text(&made["id"]);
        let tested = gateway.switchboard.test_webhook(workspace_id, id, None, &outside).await.unwrap().0;
        assert_eq!((tested.success, tested.status), (false, None));
        assert_eq!(tested.error.as_deref(), Some("the address is not allowed"));
        assert!(receiver.received().is_empty());
    });
}
