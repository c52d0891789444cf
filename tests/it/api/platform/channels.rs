//! Channels: made, changed and removed without ever showing a secret; paused and resumed; tested in words; rotated
//! without losing a message.

use std::time::Duration;

use serde_json::{Value, json};
use switchboard::net::{self, Client, Trust};

use crate::support::gateway::{Gateway, answer, scenario};
use crate::support::process::await_some;
use crate::support::vendor;

/// Settings of a number that nobody has yet.
fn settings() -> Value {
    json!({
        "phone_number_id": "200", "waba_id": "201", "access_token": "EAAG-token-of-200", "app_secret": "app-secret-of-200",
        "verify_token": "verify-word-of-200", "base_url": "http://127.0.0.1:9",
    })
}

async fn call(gateway: &Gateway, method: &str, path: &str, body: &Value) -> (u16, Value) {
    answer(gateway.acme(method, path).json(body)).await
}

fn fields(answer: &Value) -> Vec<&str> {
    answer["error"]["details"].as_array().unwrap().iter().map(|problem| problem["field"].as_str().unwrap()).collect()
}

fn finding<'a>(test: &'a Value, words: &str) -> &'a Value {
    let found =
        test["findings"].as_array().unwrap().iter().find(|found| found["what"].as_str().unwrap().contains(words));
    found.unwrap_or_else(|| panic!("nothing says {words:?}: {test:#}"))
}

#[test]
fn shows_pauses_and_resumes() {
    scenario(|gateway| async move {
        let list = gateway.read("/api/channels").await;
        assert_eq!(list["total"], 2);
        let path = format!("/api/channels/{}", gateway.whatsapp.id);
        let one = gateway.read(&path).await;
        let callback = format!("{}/api/webhooks/whatsapp/{}", gateway.url, gateway.whatsapp.id);
        assert_eq!((one["state"].as_str(), one["callback_url"].as_str()), (Some("active"), Some(callback.as_str())));
        assert!(one["settings_set"].as_array().unwrap().contains(&json!("access_token")));
        assert!(!list.to_string().contains(&gateway.account.app_secret));
        assert!(!list.to_string().contains(&gateway.account.access_token));
        let (status, paused) = answer(gateway.acme("POST", &format!("{path}/pause"))).await;
        assert_eq!((status, paused["state"].as_str()), (200, Some("paused")));
        assert_eq!(gateway.read(&path).await["state_reason"], "paused by ops");
        let (status, active) = answer(gateway.acme("POST", &format!("{path}/resume"))).await;
        assert_eq!((status, active["state"].as_str()), (200, Some("active")));
    });
}

#[test]
fn what_waits_while_paused_leaves_after() {
    scenario(|gateway| async move {
        let path = format!("/api/channels/{}", gateway.whatsapp.id);
        assert_eq!(answer(gateway.acme("POST", &format!("{path}/pause"))).await.0, 200);
        let mut watch = gateway.watch();
        assert_eq!(gateway.deliver(&gateway.delivery("wamid.1", "Hello")).await.status(), 200);
        let conversation = watch.until("message.queued").await;
        let said = async || {
            let said = gateway.read(&format!("/api/conversations/{conversation}/messages")).await;
            said["messages"].as_array().unwrap().clone()
        };
        let books = format!("{}/sim/books/{}", gateway.simulator.base_url(), gateway.account.phone_number_id);
        let booked = async || answer(gateway.elsewhere(&books)).await.1["messages"].as_array().unwrap().len();
        assert_eq!((said().await.len(), booked().await), (2, 0));
        assert_eq!(answer(gateway.acme("POST", &format!("{path}/resume"))).await.0, 200);
        await_some("what waited to leave", || async {
            let last = said().await.pop().unwrap();
            if ["sent", "delivered", "read"].contains(&last["status"].as_str().unwrap()) {
                Ok(())
            } else {
                Err(last.to_string())
            }
        })
        .await;
        assert_eq!(booked().await, 1);
    });
}

#[test]
fn makes_changes_and_removes() {
    scenario(|gateway| async move {
        let wanted =
            json!({"kind": "whatsapp", "name": "second", "agent_id": gateway.acme.agent.id, "settings": settings()});
        let ask = |body: &Value| gateway.acme("POST", "/api/channels").header("idempotency-key", "k1").json(body);
        let (status, made) = answer(ask(&wanted)).await;
        assert_eq!(status, 201, "{made}");
        assert_eq!((made["account"].as_str(), made["business"].as_str()), (Some("200"), Some("201")));
        let path = format!("/api/channels/{}", made["id"].as_str().unwrap());
        // Under its key it is made once, and the key serves nothing else.
        let again = ask(&wanted).send().await.unwrap();
        assert_eq!((again.status().as_u16(), again.headers()["idempotent-replayed"].to_str().unwrap()), (201, "true"));
        assert_eq!(again.json::<Value>().await.unwrap()["id"], made["id"]);
        let mut other = wanted.clone();
        other["name"] = json!("third");
        assert_eq!(answer(ask(&other)).await.1["error"]["code"], "IDEMPOTENCY_MISMATCH");
        assert_eq!(gateway.read("/api/channels").await["total"], 3);
        // What cannot work is named.
        let bad = json!({
            "kind": "whatsapp", "name": " ", "agent_id": gateway.rival.agent.id,
            "settings": {"phone_number_id": "x", "acces_token": "t"},
        });
        let (status, refused) = call(&gateway, "POST", "/api/channels", &bad).await;
        assert_eq!((status, fields(&refused)), (400, vec!["name", "agent_id", "settings.acces_token"]));
        let (_, refused) = call(&gateway, "POST", "/api/channels", &json!({"kind": "whatsapp", "name": "x"})).await;
        let needed =
            ["phone_number_id", "access_token", "app_secret", "verify_token"].map(|name| format!("settings.{name}"));
        assert_eq!(fields(&refused), needed);
        let (_, refused) = call(&gateway, "POST", "/api/channels", &json!({"kind": "api", "name": "x"})).await;
        assert_eq!(fields(&refused), ["kind"]);
        let (_, refused) = call(&gateway, "POST", "/api/channels", &json!({"kind": "pigeon", "name": "x"})).await;
        assert_eq!(fields(&refused), ["kind"]);
        for (name, number, words) in [("second", "300", "name"), ("fourth", "200", "account")] {
            let mut taken = json!({"kind": "whatsapp", "name": name, "settings": settings()});
            taken["settings"]["phone_number_id"] = json!(number);
            let (status, refused) = call(&gateway, "POST", "/api/channels", &taken).await;
            assert_eq!((status, refused["error"]["code"].as_str()), (409, Some("CONFLICT")));
            assert!(refused["error"]["message"].as_str().unwrap().contains(words), "{refused}");
        }
        // Settings change member by member, under either spelling.
        let changes =
            json!({"name": "renamed", "agent_id": null, "settings": {"app_secrets": ["new-secret"], "waba_id": null}});
        let (status, changed) = call(&gateway, "PATCH", &path, &changes).await;
        assert_eq!((status, changed["name"].as_str(), &changed["agent_id"]), (200, Some("renamed"), &Value::Null));
        assert_eq!(changed["business"], Value::Null);
        let set = ["access_token", "app_secrets", "base_url", "phone_number_id", "verify_token"];
        assert_eq!(changed["settings_set"], json!(set));
        let stored = gateway.switchboard.store.channel_by_id(made["id"].as_str().unwrap()).await.unwrap().unwrap();
        assert_eq!(stored.settings["access_token"], "EAAG-token-of-200");
        let (status, refused) = call(&gateway, "PATCH", &path, &json!({"settings": {"verify_token": null}})).await;
        assert_eq!((status, fields(&refused)), (400, vec!["settings.verify_token"]));
        let (status, refused) =
            call(&gateway, "PATCH", &path, &json!({"settings": {"phone_number_id": gateway.account.phone_number_id}}))
                .await;
        assert_eq!((status, refused["error"]["code"].as_str()), (409, Some("CONFLICT")));
        // One without conversations goes; one with them stays.
        assert_eq!(answer(gateway.acme("DELETE", &path)).await.0, 204);
        assert_eq!(answer(gateway.acme("GET", &path)).await.0, 404);
        gateway.customer_writes("wamid.1", "Hello").await;
        let (status, kept) = answer(gateway.acme("DELETE", &format!("/api/channels/{}", gateway.whatsapp.id))).await;
        assert_eq!((status, kept["error"]["code"].as_str()), (409, Some("CONFLICT")));
    });
}

#[test]
fn rotates_without_losing_a_message() {
    scenario(|gateway| async move {
        let path = format!("/api/channels/{}/rotate", gateway.whatsapp.id);
        let old = gateway.account.app_secret.as_str();
        let deliver = async |id: &str, secret: &str| {
            gateway.deliver_signed(&gateway.delivery(id, "Hello"), secret).await.status().as_u16()
        };
        assert_eq!(deliver("wamid.1", old).await, 200);
        let (status, rotated) = call(
            &gateway,
            "POST",
            &path,
            &json!({"settings": {"app_secret": "the-new-app-secret"}, "keep_old_for": 3_600}),
        )
        .await;
        assert_eq!(status, 200, "{rotated}");
        let until = rotated["retiring"][0]["until"].as_i64().unwrap();
        assert_eq!(rotated["retiring"][0]["setting"], "app_secrets");
        assert!((until - gateway.switchboard.now() - 3_600_000).abs() < 60_000);
        assert!(!rotated.to_string().contains(old) && !rotated.to_string().contains("the-new-app-secret"));
        // Old and new are both accepted, until the time is over.
        assert_eq!((deliver("wamid.2", old).await, deliver("wamid.3", "the-new-app-secret").await), (200, 200));
        assert_eq!(deliver("wamid.4", "neither-of-the-two").await, 401);
        gateway.switchboard.store.clock().advance(3_600_001);
        gateway.switchboard.directory.forget_channel(&gateway.whatsapp.id);
        assert_eq!((deliver("wamid.5", old).await, deliver("wamid.6", "the-new-app-secret").await), (401, 200));
        let shown = gateway.read(&format!("/api/channels/{}", gateway.whatsapp.id)).await;
        assert_eq!(shown["retiring"], json!([]));
        // What signs nothing is replaced at once.
        let (_, rotated) = call(&gateway, "POST", &path, &json!({"settings": {"verify_token": "another word"}})).await;
        assert_eq!(rotated["retiring"], json!([]));
        for (body, expected) in [
            (json!({"settings": {}}), "settings"),
            (json!({"settings": {"app_secret": null}}), "settings.app_secret"),
            (json!({"settings": {"app_secret": ""}}), "settings.app_secret"),
            (json!({"settings": {"app_secret": "x"}, "keep_old_for": -1}), "keep_old_for"),
        ] {
            let (status, refused) = call(&gateway, "POST", &path, &body).await;
            assert_eq!((status, fields(&refused)), (400, vec![expected]), "{body}");
        }
    });
}

#[test]
fn tests_and_says_what_to_do() {
    scenario(|gateway| async move {
        let path = format!("/api/channels/{}", gateway.whatsapp.id);
        let test = async || answer(gateway.acme("POST", &format!("{path}/test"))).await.1;
        let well = test().await;
        assert_eq!(well["ok"], true, "{well:#}");
        assert_eq!(finding(&well, "accepts the verify token")["ok"], true);
        finding(&well, "no delivery has come yet");
        finding(&well, "an app is attached");
        gateway.customer_writes("wamid.1", "Hello").await;
        finding(&test().await, "the last delivery came less than a minute ago");
        // A token that lacks a permission, and one that is wrong.
        let rules = json!([{"match": {"kind": "node"}, "action": {"status": {"code": 10}}, "times": 1}]);
        let faults = format!("{}/sim/faults", gateway.simulator.base_url());
        assert!(gateway.put_elsewhere(&faults, &rules).await.is_success());
        let lacking = test().await;
        let scope = finding(&lacking, "lacks a permission");
        assert!(scope["remedy"].as_str().unwrap().contains("whatsapp_business_messaging"), "{scope}");
        assert_eq!((lacking["ok"].as_bool(), scope["ok"].as_bool()), (Some(false), Some(false)));
        call(&gateway, "PATCH", &path, &json!({"settings": {"access_token": "a-wrong-token"}})).await;
        finding(&test().await, "The access token is wrong");
        // The vendor was given another verify token.
        let shake = "/api/webhooks/whatsapp?hub.mode=subscribe&hub.verify_token=typo&hub.challenge=1";
        assert_eq!(answer(gateway.ask("GET", shake)).await.0, 403);
        for _ in 0..2 {
            let refused = test().await;
            assert!(finding(&refused, "a handshake was refused")["remedy"].as_str().unwrap().contains("verify_token"));
        }
        let good = format!("hub.verify_token={}", gateway.account.verify_token);
        assert_eq!(
            gateway.ask("GET", &shake.replace("hub.verify_token=typo", &good)).send().await.unwrap().status(),
            200
        );
        assert!(!test().await.to_string().contains("handshake was refused"));
        // A vendor and a state that stand in the way.
        call(&gateway, "PATCH", &path, &json!({"settings": {"base_url": "http://127.0.0.1:9"}})).await;
        finding(&test().await, "the vendor is not reached");
        answer(gateway.acme("POST", &format!("{path}/pause"))).await;
        finding(&test().await, "its sends wait until it is resumed (paused by ops)");
        let ours = answer(gateway.acme("POST", &format!("/api/channels/{}/test", gateway.acme.widget.id))).await.1;
        assert_eq!(ours["ok"], true);
    });
}

#[test]
fn a_callback_address_that_is_not_ours_is_told() {
    scenario(|gateway| async move {
        // Whole, with the folder of its database.
        let gateway = gateway;
        let (workspace, id) = (&gateway.acme.workspace.id, &gateway.whatsapp.id);
        let lenient = net::Options { allow_private_addresses: true, ..net::Options::default() };
        let told = async |callback: Option<String>, options: net::Options| {
            let client = Client::new(options, Trust::Operator).unwrap();
            let found = gateway.switchboard.test_channel(workspace, id, callback.as_deref(), &client).await.unwrap();
            let found: Vec<_> = found.into_iter().filter(|found| !found.ok).collect();
            assert!(found.iter().all(|found| found.remedy.is_some()));
            found.into_iter().map(|found| found.what).collect::<Vec<_>>().join("\n")
        };
        let ours = format!("{}/api/webhooks/whatsapp/{id}", gateway.url);
        assert_eq!(told(Some(ours.clone()), lenient.clone()).await, "");
        assert!(told(None, lenient.clone()).await.contains("does not know its public address"));
        let guarded = told(Some(ours), net::Options::default()).await;
        assert!(guarded.contains("not on the public internet"), "{guarded}");
        let quick = net::Options { connect_timeout: Duration::from_secs(2), ..lenient.clone() };
        assert!(
            told(Some("http://127.0.0.1:9/api/webhooks/whatsapp".to_owned()), quick).await.contains("is not reached")
        );
        let other = told(Some(format!("{}/", gateway.simulator.base_url())), lenient.clone()).await;
        assert!(other.contains("something else than this gateway answers"), "{other}");
    });
}

#[test]
fn no_secret_is_kept_of_an_exchange() {
    scenario(|gateway| async move {
        // A vendor that refuses everything and repeats what it was asked, credentials and all.
        let echo = vendor::start_echo().await;
        let token = gateway.account.access_token.as_str();
        let path = format!("/api/channels/{}", gateway.whatsapp.id);
        call(&gateway, "PATCH", &path, &json!({"settings": {"base_url": echo.address}})).await;
        assert_eq!(gateway.deliver(&gateway.delivery("wamid.1", "Hello")).await.status(), 200);
        let bearer = first_exchange(&gateway, &gateway.whatsapp.id).await;
        assert!(bearer.contains("authorization: Bearer [secret]"), "{bearer}");

        let (sid, auth_token, key) = (format!("AC{}", "1".repeat(32)), "2".repeat(32), "a-shared-key-of-the-vendor");
        let settings = json!({
            "account_sid": sid, "auth_token": auth_token, "signature_algorithm": "HMAC_SHA256", "shared_key": key,
            "sender": "+14155550100", "base_url": echo.address,
        });
        let made = json!({"kind": "twilio", "name": "sms", "agent_id": gateway.acme.agent.id, "settings": settings});
        let (status, made) = call(&gateway, "POST", "/api/channels", &made).await;
        assert_eq!(status, 201, "{made}");
        let id = made["id"].as_str().unwrap();
        let callback = made["callback_url"].as_str().unwrap();
        assert_eq!(vendor::deliver_form(&gateway, callback, &sid, key).await, 200);
        let basic = first_exchange(&gateway, id).await;
        assert!(basic.contains("authorization: Basic [secret]") && basic.contains("Body="), "{basic}");
        let sent = echo.requests.lock().unwrap().join("\n");
        assert!(sent.contains(token), "the vendor was shown the token: {sent}");
        for secret in [token, &auth_token, key, &gateway.account.app_secret, &gateway.account.verify_token] {
            assert!(!bearer.contains(secret) && !basic.contains(secret), "{secret} is kept");
        }
    });
}

/// What is kept of the first exchange about a message that leaves through the channel.
async fn first_exchange(gateway: &Gateway, channel_id: &str) -> String {
    await_some("an exchange", || async {
        let conversations = gateway.read(&format!("/api/conversations?channel_id={channel_id}")).await;
        let Some(conversation) = conversations["items"][0]["id"].as_str() else {
            return Err(conversations.to_string());
        };
        let said = gateway.read(&format!("/api/conversations/{conversation}/messages")).await;
        let Some(id) = said["messages"][1]["id"].as_str() else { return Err(said.to_string()) };
        let exchanges = gateway.read(&format!("/api/messages/{id}/exchanges")).await;
        if exchanges["total"] == 0 { Err(said.to_string()) } else { Ok(exchanges.to_string()) }
    })
    .await
}
