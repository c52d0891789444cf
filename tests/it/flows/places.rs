//! Places that callers of the API name lie on the public internet: they are refused where they are entered, and again
//! where they are called, for a name may lead elsewhere by then. The operator's own may lie anywhere.

use serde_json::{Value, json};
use switchboard::domain::changes::Change;
use switchboard::domain::channels::{Channel, Origin};
use switchboard::domain::jobs::{NewJob, Work};
use switchboard_channels::Kind;

use crate::support::gateway::{Gateway, answer, guarded_scenario};
use crate::support::process::await_some;

const NOT_PUBLIC: &str = "not on the public internet";
/// The vendor's id of the number that a caller of the API has entered.
const ENTERED: &str = "200";

async fn call(gateway: &Gateway, method: &str, path: &str, body: &Value) -> (u16, Value) {
    answer(gateway.acme(method, path).json(body)).await
}

/// A channel like the operator's, whose place is the vendor's by a name, and which a caller of the API has entered when
/// that name led elsewhere.
async fn entered(gateway: &Gateway) -> Channel {
    let mut channel = Channel {
        id: gateway.switchboard.store.clock().id(),
        name: "entered".to_owned(),
        account: Some(ENTERED.to_owned()),
        origin: Origin::Api,
        ..gateway.whatsapp.clone()
    };
    channel.settings["phone_number_id"] = ENTERED.into();
    channel.settings["base_url"] = gateway.simulator.base_url().replace("127.0.0.1", "localhost").into();
    gateway.switchboard.store.put_channel(&channel).await.unwrap();
    channel
}

/// What was tried with the vendor for the last message of the conversation, once something was.
async fn exchange(gateway: &Gateway, conversation: &str) -> Value {
    let said = gateway.read(&format!("/api/conversations/{conversation}/messages")).await;
    let id = said["messages"].as_array().unwrap().last().unwrap()["id"].as_str().unwrap().to_owned();
    await_some("an exchange", || async {
        let exchanges = gateway.read(&format!("/api/messages/{id}/exchanges")).await;
        exchanges["items"].get(0).cloned().ok_or_else(|| exchanges.to_string())
    })
    .await
}

#[test]
fn a_place_inside_is_refused_where_it_is_entered() {
    guarded_scenario(|gateway| async move {
        let own = format!("/api/channels/{}", gateway.whatsapp.id);
        let refused = async |method: &str, path: &str, body: Value, field: &str| {
            let (status, refused) = call(&gateway, method, path, &body).await;
            let problem = &refused["error"]["details"][0];
            assert_eq!((status, problem["field"].as_str()), (400, Some(field)), "{body}: {refused}");
            assert!(problem["expected"].as_str().unwrap().contains("public internet"), "{refused}");
        };
        for inside in
            ["http://127.0.0.1:9", "http://localhost:9", "HTTP://[::1]", "http://10.0.0.1", "http://2130706433/x"]
        {
            let settings = json!({
                "phone_number_id": ENTERED, "access_token": "t", "app_secret": "s", "verify_token": "v",
                "base_url": inside,
            });
            let wanted = json!({ "kind": "whatsapp", "name": "another", "settings": settings });
            refused("POST", "/api/channels", wanted, "settings.base_url").await;
            let changes = json!({ "settings": { "base_url": inside } });
            refused("PATCH", &own, changes.clone(), "settings.base_url").await;
            refused("POST", &format!("{own}/rotate"), changes, "settings.base_url").await;
        }
        let mail = json!({ "kind": "email", "name": "mail", "settings": { "address": "a@acme.example" } });
        for host in ["smtp_host", "imap_host"] {
            let mut wanted = mail.clone();
            wanted["settings"][host] = "localhost".into();
            refused("POST", "/api/channels", wanted, &format!("settings.{host}")).await;
        }
        assert_eq!(gateway.read("/api/channels").await["total"], 2);
        // The operator's own place lies inside, and is called.
        gateway.customer_writes("wamid.1", "Hello").await;
    });
}

#[test]
fn whoever_names_a_place_anew_lends_it_no_more_trust_than_they_have() {
    guarded_scenario(|gateway| async move {
        let path = format!("/api/channels/{}", gateway.whatsapp.id);
        assert_eq!(gateway.read(&path).await["origin"], "operator");
        let (_, changed) = call(&gateway, "PATCH", &path, &json!({ "settings": { "verify_token": "another" } })).await;
        assert_eq!(changed["origin"], "operator", "{changed}");
        let public = json!({ "settings": { "base_url": "https://93.184.215.14" } });
        let (_, changed) = call(&gateway, "PATCH", &path, &public).await;
        assert_eq!(changed["origin"], "api", "{changed}");
    });
}

#[test]
fn a_place_that_leads_inside_later_is_not_called() {
    guarded_scenario(|gateway| async move {
        let channel = entered(&gateway).await;
        let own = gateway.account.phone_number_id.as_str();
        let mut watch = gateway.watch();
        let delivered = gateway.deliver(&gateway.delivery("wamid.1", "Hello").replace(own, ENTERED)).await;
        assert_eq!(delivered.status(), 200);
        let conversation = watch.until("message.queued").await;
        let tried = exchange(&gateway, &conversation).await;
        assert_eq!(tried["status"], Value::Null);
        assert!(tried["response"].as_str().unwrap().contains(NOT_PUBLIC), "{tried}");

        let test = answer(gateway.acme("POST", &format!("/api/channels/{}/test", channel.id))).await.1;
        assert!(test.to_string().contains(NOT_PUBLIC), "{test:#}");
        let read = gateway.acme("POST", &format!("/api/conversations/{conversation}/read"));
        assert_eq!(answer(read).await.0, 503);

        // The vendor, which is at the same place, serves the operator's channel.
        gateway.customer_writes("wamid.2", "Hello").await;
        let books = format!("{}/sim/books/{own}", gateway.simulator.base_url());
        assert_eq!(answer(gateway.elsewhere(&books)).await.1["messages"].as_array().unwrap().len(), 1);

        // Once the window is closed, the vendor is asked for its templates.
        gateway.switchboard.store.clock().advance(25 * 60 * 60 * 1_000);
        let late = json!({ "body": "Are you still there?" });
        let (_, closed) = call(&gateway, "POST", &format!("/api/conversations/{conversation}/messages"), &late).await;
        assert_eq!(closed["error"]["code"], "WINDOW_CLOSED", "{closed}");
        assert!(closed.to_string().contains(NOT_PUBLIC), "{closed}");
    });
}

#[test]
fn an_address_that_a_vendor_gives_is_not_visited_inside() {
    guarded_scenario(|gateway| async move {
        let channel = entered(&gateway).await;
        let store = &gateway.switchboard.store;
        let visit = |channel_id: &str| NewJob {
            id: store.clock().id(),
            lane: String::new(),
            work: Work::Visit { channel_id: channel_id.to_owned(), address: format!("{}/healthz", gateway.url) },
            run_at: 0,
            cargo: None,
        };
        let workspace_id = gateway.acme.workspace.id.clone();
        let jobs = vec![visit(&channel.id), visit(&gateway.whatsapp.id)];
        store.commit(Change { workspace_id, jobs, ..Change::default() }).await.unwrap();
        await_some("one visit to be made", || async {
            let counts = store.count_jobs().await.map_err(|error| error.to_string())?;
            let left: i64 = counts.iter().map(|count| count.count).sum();
            if left == 1 { Ok(()) } else { Err(format!("{counts:?}")) }
        })
        .await;
    });
}

#[test]
fn a_mail_server_that_leads_inside_later_is_not_called() {
    guarded_scenario(|gateway| async move {
        let settings = json!({
            "address": "support@acme.example", "provider": "postmark", "webhook_user": "hook",
            "webhook_password": "a password for the tests", "smtp_host": "localhost",
        });
        let channel = Channel {
            id: gateway.switchboard.store.clock().id(),
            kind: Kind::Email,
            name: "mail".to_owned(),
            account: Some("support@acme.example".to_owned()),
            business: None,
            origin: Origin::Api,
            settings,
            ..gateway.whatsapp.clone()
        };
        gateway.switchboard.store.put_channel(&channel).await.unwrap();
        let body = json!({
            "From": "ana@people.example", "FromFull": { "Email": "ana@people.example", "Name": "Ana" },
            "To": "support@acme.example", "OriginalRecipient": "support@acme.example", "Subject": "Hello",
            "MessageID": "1", "TextBody": "Hello", "Headers": [{ "Name": "Message-ID", "Value": "<1@people.example>" }],
        });
        let mut watch = gateway.watch();
        let mail = gateway.ask("POST", &format!("/api/webhooks/email/{}", channel.id)).json(&body);
        let (status, taken) = answer(mail.basic_auth("hook", Some("a password for the tests"))).await;
        assert_eq!(status, 200, "{taken}");
        let conversation = watch.until("message.queued").await;
        let tried = exchange(&gateway, &conversation).await;
        assert!(tried["response"].as_str().unwrap().contains(NOT_PUBLIC), "{tried}");
    });
}
