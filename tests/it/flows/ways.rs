//! One person on two channels: what cannot be said on the one, or does not arrive there, is said on the other, once, and
//! both attempts stay visible.

use serde_json::{Value, json};
use switchboard::domain::channels::{Channel, ChannelState};
use switchboard_channels::Kind;

use crate::support::gateway::{Gateway, answer, scenario};
use crate::support::people::meet;
use crate::support::process::await_some;

/// The vendor's id of the other number.
const OTHER: &str = "206540352242922";
const DAY: i64 = 24 * 60 * 60 * 1_000;

/// Kim, who has written to both numbers and was answered.
struct Ways {
    gateway: Gateway,
    here: String,
    there: String,
}

impl Ways {
    async fn new(gateway: Gateway) -> Self {
        let address = format!("{}/sim/accounts/{OTHER}", gateway.simulator.base_url());
        let put = gateway.put_elsewhere(&address, &json!({"window": gateway.account.window})).await;
        assert!(put.is_success(), "{put}");
        let mut settings = gateway.whatsapp.settings.clone();
        settings["phone_number_id"] = OTHER.into();
        let channel = Channel {
            id: gateway.switchboard.store.clock().id(),
            name: "other".to_owned(),
            account: Some(OTHER.to_owned()),
            settings,
            ..gateway.whatsapp.clone()
        };
        gateway.switchboard.store.put_channel(&channel).await.unwrap();
        let here = gateway.customer_writes("wamid.1", "Hello").await;
        let mut joined = gateway.watch();
        let there = write_there(&gateway, "wamid.2").await;
        joined.until_data("contact.updated", "merge_id").await;
        Self { gateway, here, there }
    }

    /// Says something here, and gives what is answered.
    async fn say(&self, body: &Value) -> (u16, Value) {
        answer(self.gateway.acme("POST", &format!("/api/conversations/{}/messages", self.here)).json(body)).await
    }

    /// A message as it is now.
    async fn message(&self, conversation: &str, id: &Value) -> Value {
        let listed = self.gateway.read(&format!("/api/conversations/{conversation}/messages")).await;
        let found = listed["messages"].as_array().unwrap().iter().find(|message| message["id"] == *id).cloned();
        found.unwrap_or_else(|| panic!("{id} is not in {listed}"))
    }

    /// Waits until this message is said there, and gives it and what was said in its place.
    async fn replaced(&self, first: &Value) -> (Value, Value) {
        let first = await_some("the fallback", || async {
            let first = self.message(&self.here, &first["id"]).await;
            if first["replaced_by"].is_string() { Ok(first) } else { Err(first.to_string()) }
        })
        .await;
        let second = self.message(&self.there, &first["replaced_by"]).await;
        assert_eq!((&second["fallback_of"], &second["body"]), (&first["id"], &first["body"]));
        (first, second)
    }

    /// Waits until nothing is left to do.
    async fn settled(&self) {
        await_some("the end of all jobs", || async {
            let jobs = self.gateway.switchboard.store.count_jobs().await.unwrap();
            if jobs.is_empty() { Ok(()) } else { Err(format!("{jobs:?}")) }
        })
        .await;
    }

    /// How often the vendor was given this text for a number.
    async fn sent(&self, number: &str, text: &str) -> usize {
        let address = format!("{}/sim/books/{number}", self.gateway.simulator.base_url());
        let books: Value = self.gateway.elsewhere(&address).send().await.unwrap().json().await.unwrap();
        books["messages"].as_array().unwrap().iter().filter(|sent| sent["text"] == text).count()
    }

    /// The vendor tells how a message of ours fares.
    async fn receipt(&self, message: &Value, status: &str) {
        let failed = json!([{"code": 131_026, "title": "Message undeliverable"}]);
        let seconds = (self.gateway.switchboard.store.clock().now() / 1_000).to_string();
        let told = json!({"id": message["provider_id"], "status": status, "timestamp": seconds,
            "recipient_id": "4915112345678", "errors": if status == "failed" { failed } else { json!([]) }});
        let account = &self.gateway.account;
        let value = json!({"messaging_product": "whatsapp", "statuses": [told], "metadata":
            {"display_phone_number": account.display_phone_number, "phone_number_id": account.phone_number_id}});
        let body = json!({"object": "whatsapp_business_account", "entry": [
            {"id": account.waba_id, "changes": [{"field": "messages", "value": value}]}]});
        assert_eq!(self.gateway.deliver(&body.to_string()).await.status(), 200);
    }

    /// Waits until a message has left.
    async fn left(&self, message: &Value) -> Value {
        await_some("the send", || async {
            let message = self.message(&self.here, &message["id"]).await;
            if message["provider_id"].is_string() { Ok(message) } else { Err(message.to_string()) }
        })
        .await
    }
}

/// Kim writes to the other number; gives the conversation once it is answered.
async fn write_there(gateway: &Gateway, id: &str) -> String {
    let mut watch = gateway.watch();
    let delivery = gateway.delivery(id, "Hello there").replace(&gateway.account.phone_number_id, OTHER);
    assert_eq!(gateway.deliver(&delivery).await.status(), 200);
    watch.until("message.sent").await
}

fn by_program(more: &Value) -> Value {
    let mut body = json!({"author": {"kind": "system"}});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[test]
fn a_closed_window_leads_to_the_other_channel_once() {
    scenario(|gateway| async move {
        let ways = Ways::new(gateway).await;
        let gateway = &ways.gateway;
        gateway.switchboard.store.clock().advance(DAY + 1);
        write_there(gateway, "wamid.3").await;
        let mut watch = gateway.watch();
        let path = format!("/api/conversations/{}/messages", ways.here);
        let body = by_program(&json!({"body": "Your room is ready.", "on_window_closed": "fallback"}));
        let post = || gateway.acme("POST", &path).header("idempotency-key", "once").json(&body);
        let first = post().send().await.unwrap();
        let place = format!("/api/conversations/{}/messages", ways.there);
        assert_eq!((first.status().as_u16(), &first.headers()["content-location"]), (201, &place.parse().unwrap()));
        let said: Value = first.json().await.unwrap();
        watch.until_data("conversation.window_closed", "said_instead").await;
        let again = post().send().await.unwrap();
        assert_eq!(again.headers()["idempotent-replayed"], "true");
        assert_eq!(again.json::<Value>().await.unwrap()["id"], said["id"]);
        assert_eq!(ways.message(&ways.there, &said["id"]).await["body"], "Your room is ready.");
        ways.settled().await;
        assert_eq!(ways.sent(OTHER, "Your room is ready.").await, 1);
        assert_eq!(ways.sent(&gateway.account.phone_number_id, "Your room is ready.").await, 0);
    });
}

#[test]
fn what_is_not_confirmed_in_time_is_said_elsewhere_once() {
    scenario(|gateway| async move {
        let ways = Ways::new(gateway).await;
        let mut watch = ways.gateway.watch();
        let (status, first) = ways.say(&by_program(&json!({"body": "The gate is B7.", "fallback_after": 1}))).await;
        assert_eq!((status, &first["fallback_after"]), (201, &json!(1)), "{first}");
        assert_eq!(watch.until("message.fallback").await, ways.here);
        let (first, _) = ways.replaced(&first).await;
        assert_eq!(first["status"], "sent", "what has left has left");
        // The first one comes late all the same, and then is told to have failed.
        ways.receipt(&first, "delivered").await;
        ways.receipt(&first, "failed").await;
        ways.settled().await;
        assert_eq!(ways.message(&ways.here, &first["id"]).await["status"], "delivered");
        for number in [OTHER, &ways.gateway.account.phone_number_id] {
            assert_eq!(ways.sent(number, "The gate is B7.").await, 1, "{number}");
        }
    });
}

#[test]
fn what_arrives_in_time_is_said_nowhere_else() {
    scenario(|gateway| async move {
        let ways = Ways::new(gateway).await;
        let (_, first) = ways.say(&by_program(&json!({"body": "The gate is B7.", "fallback_after": 2}))).await;
        let first = ways.left(&first).await;
        ways.receipt(&first, "delivered").await;
        ways.settled().await;
        assert_eq!(ways.message(&ways.here, &first["id"]).await["replaced_by"], Value::Null);
        assert_eq!(ways.sent(OTHER, "The gate is B7.").await, 0);
    });
}

#[test]
fn what_will_not_arrive_is_said_elsewhere_at_once() {
    scenario(|gateway| async move {
        let ways = Ways::new(gateway).await;
        // The vendor refuses it.
        let faults = format!("{}/sim/faults", ways.gateway.simulator.base_url());
        let refuse = json!([{"match": {"kind": "send"}, "action": {"status": {"code": 131_026}}, "times": 1}]);
        assert!(ways.gateway.put_elsewhere(&faults, &refuse).await.is_success());
        let (_, first) = ways.say(&by_program(&json!({"body": "One", "fallback_after": 86_400}))).await;
        let (first, _) = ways.replaced(&first).await;
        assert_eq!(first["status"], "failed");
        // The vendor takes it, and tells later.
        let (_, second) = ways.say(&by_program(&json!({"body": "Two", "fallback_after": 86_400}))).await;
        let second = ways.left(&second).await;
        ways.receipt(&second, "failed").await;
        ways.replaced(&second).await;
        await_some("both sends", || async {
            let counts = (ways.sent(OTHER, "One").await, ways.sent(OTHER, "Two").await);
            if counts == (1, 1) { Ok(()) } else { Err(format!("{counts:?}")) }
        })
        .await;
    });
}

#[test]
fn what_has_not_left_when_it_is_said_elsewhere_never_leaves() {
    scenario(|gateway| async move {
        let ways = Ways::new(gateway).await;
        let (store, channel) = (&ways.gateway.switchboard.store, &ways.gateway.whatsapp.id);
        store.set_channel_state(channel, ChannelState::Paused, None).await.unwrap();
        ways.gateway.switchboard.directory.forget_channel(channel);
        let (_, first) = ways.say(&by_program(&json!({"body": "Hurry!", "fallback_after": 1}))).await;
        let (first, _) = ways.replaced(&first).await;
        assert_eq!((&first["status"], &first["error"]["code"]), (&json!("failed"), &json!("SUPERSEDED")));
        store.set_channel_state(channel, ChannelState::Active, None).await.unwrap();
        ways.gateway.switchboard.directory.forget_channel(channel);
        ways.settled().await;
        assert_eq!(ways.sent(&ways.gateway.account.phone_number_id, "Hurry!").await, 0);

        // The same with what waits for the window.
        store.clock().advance(DAY + 1);
        write_there(&ways.gateway, "wamid.3").await;
        let body = json!({"body": "Are you there?", "on_window_closed": "queue", "fallback_after": 1});
        let (_, held) = ways.say(&by_program(&body)).await;
        assert_eq!(held["held"], true);
        let (held, _) = ways.replaced(&held).await;
        assert_eq!((&held["held"], &held["error"]["code"]), (&Value::Null, &json!("SUPERSEDED")));
        ways.gateway.customer_writes("wamid.4", "I am back").await;
        ways.settled().await;
        assert_eq!(ways.sent(&ways.gateway.account.phone_number_id, "Are you there?").await, 0);
        assert_eq!(ways.sent(OTHER, "Are you there?").await, 1);
    });
}

#[test]
fn without_another_way_the_sender_is_told() {
    scenario(|gateway| async move {
        let here = gateway.customer_writes("wamid.1", "Hello").await;
        let there = String::new();
        let ways = Ways { gateway, here, there };
        let mut watch = ways.gateway.watch();
        let (_, first) = ways.say(&by_program(&json!({"body": "The gate is B7.", "fallback_after": 1}))).await;
        watch.until("message.fallback").await;
        ways.settled().await;
        let first = ways.message(&ways.here, &first["id"]).await;
        assert_eq!((&first["status"], &first["replaced_by"]), (&json!("sent"), &Value::Null));

        // Where nobody says whether anything arrives, nobody can wait for it.
        let store = &ways.gateway.switchboard.store;
        let settings = json!({"address": "shop@example.com", "provider": "generic", "signing_key": "key",
            "smtp_host": "127.0.0.1", "smtp_port": 2_525, "smtp_tls": "none"});
        let mail = Channel {
            id: store.clock().id(),
            kind: Kind::Email,
            name: "mail".to_owned(),
            account: Some("shop@example.com".to_owned()),
            business: None,
            settings,
            ..ways.gateway.whatsapp.clone()
        };
        store.put_channel(&mail).await.unwrap();
        let ways = Ways { here: meet(store, &mail, "491").await.id, there: String::new(), gateway: ways.gateway };
        let (status, refused) = ways.say(&by_program(&json!({"body": "Hi", "fallback_after": 60}))).await;
        assert_eq!((status, &refused["error"]["code"]), (422, &json!("INVALID_CONTENT")), "{refused}");
        assert!(refused["error"]["message"].as_str().unwrap().starts_with("fallback_after: "), "{refused}");
    });
}
