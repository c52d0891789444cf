//! Message templates as an owner manages them, against the simulator's vendors.

use serde_json::{Value, json};
use switchboard::domain::members::Role;

use crate::support::gateway::{Gateway, answer, scenario};
use crate::support::process::await_some;

fn draft(gateway: &Gateway, name: &str) -> Value {
    json!({"channel_id": gateway.whatsapp.id, "name": name, "language": "en", "category": "UTILITY",
        "components": [{"type": "BODY", "text": "Your order {{1}} is on its way.", "example": {"body_text": [["4711"]]}}]})
}

async fn submit(gateway: &Gateway, draft: &Value) -> (u16, Value) {
    answer(gateway.acme("POST", "/api/templates").json(draft)).await
}

/// Changes how the vendor treats the account; its callbacks come to the gateway.
async fn account(gateway: &Gateway, id: &str, change: &Value) {
    let address = format!("{}/sim/accounts/{id}", gateway.simulator.base_url());
    assert!(gateway.put_elsewhere(&address, change).await.is_success());
}

async fn faults(gateway: &Gateway, rules: &Value) {
    assert!(gateway.put_elsewhere(&format!("{}/sim/faults", gateway.simulator.base_url()), rules).await.is_success());
}

fn names(listed: &Value) -> Vec<&str> {
    listed["items"].as_array().unwrap().iter().filter_map(|one| one["name"].as_str()).collect()
}

#[test]
fn are_told_as_the_vendor_listed_them_last() {
    scenario(|gateway| async move {
        let channel = gateway.whatsapp.id.clone();
        let listed = gateway.read("/api/templates").await;
        assert_eq!(names(&listed), ["hello_world", "order_confirmation", "order_confirmation_named", "spring_sale"]);
        assert_eq!(
            (&listed["lists"][0]["channel_id"], &listed["lists"][0]["problem"]),
            (&json!(channel), &Value::Null)
        );
        let read_at = listed["lists"][0]["read_at"].as_i64().unwrap();
        for (query, wanted) in [
            ("status=PAUSED", vec!["spring_sale"]),
            ("language=en", vec!["order_confirmation_named"]),
            ("category=MARKETING", vec!["spring_sale"]),
            ("name=hello_world", vec!["hello_world"]),
            ("q=ORDER%20NUMBER", vec!["order_confirmation"]),
            ("limit=1&offset=1", vec!["order_confirmation"]),
            (&format!("channel_id={channel}&status=APPROVED&limit=1"), vec!["hello_world"]),
            (&format!("channel_id={}", gateway.acme.widget.id), vec![]),
        ] {
            assert_eq!(names(&gateway.read(&format!("/api/templates?{query}")).await), wanted, "{query}");
        }
        assert_eq!(answer(gateway.acme("GET", "/api/templates?limit=0")).await.0, 400);
        let id = listed["items"][0]["id"].as_str().unwrap();
        assert_eq!(gateway.read(&format!("/api/templates/{id}")).await, listed["items"][0]);

        // The vendor is away, and the list is old: it is told, with its age and the reason.
        faults(&gateway, &json!([{"match": {"kind": "templates"}, "action": {"status": {"http": 503, "body": "down"}}, "times": "forever"}])).await;
        gateway.switchboard.store.clock().advance(61_000);
        let old = gateway.read("/api/templates").await;
        assert_eq!((names(&old).len(), &old["lists"][0]["read_at"]), (4, &json!(read_at)));
        assert!(old["lists"][0]["problem"].as_str().is_some_and(|problem| !problem.is_empty()), "{old}");
        let sync = || gateway.acme("POST", &format!("/api/channels/{channel}/templates/sync"));
        let (status, refused) = answer(sync()).await;
        assert_eq!((status, &refused["error"]["code"]), (502, &json!("UPSTREAM_FAILED")), "{refused}");
        faults(&gateway, &json!([])).await;
        account(&gateway, &gateway.account.phone_number_id, &json!({"templates": []})).await;
        let (status, synced) = answer(sync()).await;
        assert_eq!((status, &synced["total"], &synced["channel_id"]), (200, &json!(0), &json!(channel)), "{synced}");
        assert!(synced["read_at"].as_i64() > Some(read_at));
        assert_eq!(gateway.read("/api/templates").await["total"], 0);
        let of_widget = gateway.acme("POST", &format!("/api/channels/{}/templates/sync", gateway.acme.widget.id));
        assert_eq!(answer(of_widget).await.0, 409, "its kind has no templates");
    });
}

#[test]
fn are_handed_in_judged_and_ended() {
    scenario(|gateway| async move {
        let callback = json!({"callback_url": format!("{}/api/webhooks/whatsapp", gateway.url)});
        account(&gateway, &gateway.account.phone_number_id, &callback).await;
        gateway.read("/api/templates").await;
        let mut watch = gateway.watch();
        let (status, made) = submit(&gateway, &draft(&gateway, "order_shipped")).await;
        assert_eq!(
            (status, &made["status"], &made["name"]),
            (201, &json!("PENDING"), &json!("order_shipped")),
            "{made}"
        );
        watch.until_data("channel.notice", "message_template_name").await;
        let one = format!("/api/templates/{}", made["id"].as_str().unwrap());
        let shown = gateway.read(&one).await;
        assert_eq!(
            (&shown["status"], &shown["provider_id"]),
            (&json!("APPROVED"), &made["provider_id"]),
            "the vendor told"
        );
        // It is the same in the list that is read anew, and passes when the window is closed.
        let listed = gateway.read("/api/templates?name=order_shipped").await;
        assert_eq!((&listed["items"][0]["id"], &listed["items"][0]["status"]), (&made["id"], &json!("APPROVED")));
        let conversation = gateway.customer_writes("wamid.1", "Hello").await;
        gateway.switchboard.store.clock().advance(25 * 60 * 60 * 1_000);
        let late = gateway.acme("POST", &format!("/api/conversations/{conversation}/messages"));
        let (status, refused) = answer(late.json(&json!({"body": "Still there?"}))).await;
        let passing = refused["error"]["details"]["templates"].as_array().unwrap();
        assert!(status == 409 && passing.iter().any(|one| one["name"] == "order_shipped"), "{refused}");
        assert!(refused["error"]["details"]["templates_read_at"].is_i64(), "{refused}");

        account(&gateway, &gateway.account.phone_number_id, &json!({"template_review": "reject"})).await;
        let mut watch = gateway.watch();
        let (_, second) = submit(&gateway, &draft(&gateway, "order_lost")).await;
        watch.until_data("channel.notice", "message_template_name").await;
        let shown = gateway.read(&format!("/api/templates/{}", second["id"].as_str().unwrap())).await;
        assert_eq!(shown["status"], "REJECTED");
        assert!(shown["reason"].as_str().is_some_and(|reason| reason.contains("variables")), "{shown}");

        assert_eq!(answer(gateway.acme("DELETE", &one)).await.0, 204);
        assert_eq!(answer(gateway.acme("GET", &one)).await.0, 404);
        assert_eq!(answer(gateway.acme("DELETE", &one)).await.0, 404);
        assert_eq!(gateway.read("/api/templates?name=order_shipped").await["total"], 0, "at the vendor, too");
        // The clock went on, and the owner's session ended.
        let (_, session) = gateway.member_with(&gateway.acme, "late@acme.example", Role::Owner).await;
        let log = answer(gateway.by_cookie(&session, "GET", "/api/audit")).await.1.to_string();
        assert!(log.contains("template.submitted") && log.contains("template.ended"), "{log}");
    });
}

#[test]
fn what_the_vendor_refuses_is_named() {
    scenario(|gateway| async move {
        for (member, value, field, expected) in [
            ("name", json!("Order Shipped"), "name", 422),
            ("name", json!(""), "name", 400),
            ("language", json!("deutsch bitte"), "language", 400),
            ("category", json!("TRANSACTIONAL"), "category", 422),
            ("components", json!([]), "components", 400),
            ("components", json!([{"type": "FOOTER", "text": "x"}]), "components", 422),
            ("components", json!([{"type": "BODY", "text": "x"}, {"type": "BODDY"}]), "components[1].type", 422),
            (
                "components",
                json!([{"type": "BODY", "text": "x"}, {"type": "FOOTER", "text": "a\nb"}]),
                "components[1]",
                422,
            ),
        ] {
            let mut wrong = draft(&gateway, "order_shipped");
            wrong[member] = value;
            let (status, refused) = submit(&gateway, &wrong).await;
            assert_eq!((status, &refused["error"]["details"][0]["field"]), (expected, &json!(field)), "{refused}");
        }
        for (channel, expected) in [(&*gateway.acme.widget.id, 409), ("0198c1d2-7e00-7000-8000-00000000000c", 404)] {
            let mut nowhere = draft(&gateway, "order_shipped");
            nowhere["channel_id"] = json!(channel);
            assert_eq!(submit(&gateway, &nowhere).await.0, expected);
        }
        let (status, refused) = submit(&gateway, &json!({"name": "x"})).await;
        assert_eq!((status, &refused["error"]["code"]), (400, &json!("INVALID_REQUEST")));
        let mut twice = draft(&gateway, "hello_world");
        twice["language"] = json!("en_US");
        let (status, refused) = submit(&gateway, &twice).await;
        assert_eq!(
            (status, &refused["error"]["code"], &refused["error"]["details"]["field"]),
            (409, &json!("CONFLICT"), &json!("name"))
        );
        let fault = |action: Value| json!([{"match": {"kind": "templates"}, "action": action, "times": "forever"}]);
        for action in
            [json!({"status": {"code": 190}}), json!({"status": {"http": 503, "body": "down"}}), json!("cut_before")]
        {
            faults(&gateway, &fault(action)).await;
            let (status, refused) = submit(&gateway, &draft(&gateway, "order_shipped")).await;
            assert_eq!((status, &refused["error"]["code"]), (502, &json!("UPSTREAM_FAILED")), "{refused}");
        }
        faults(&gateway, &json!([])).await;

        // What somebody else has ended at the vendor is gone here, too.
        let listed = gateway.read("/api/templates?name=hello_world").await;
        let one = format!("/api/templates/{}", listed["items"][0]["id"].as_str().unwrap());
        faults(&gateway, &json!([{"match": {"kind": "templates"}, "action": {"status": {"code": 100}}, "times": 1}]))
            .await;
        let (status, refused) = answer(gateway.acme("DELETE", &one)).await;
        assert_eq!(
            (status, &refused["error"]["code"]),
            (502, &json!("UPSTREAM_FAILED")),
            "it is still there: {refused}"
        );
        account(&gateway, &gateway.account.phone_number_id, &json!({"templates": []})).await;
        let ended = answer(gateway.acme("DELETE", &one)).await;
        assert_eq!(ended.0, 204, "{ended:?}");
    });
}

#[test]
fn two_at_once_under_one_key_hand_in_once() {
    scenario(|gateway| async move {
        faults(&gateway, &json!([{"match": {"kind": "templates"}, "action": {"latency_ms": 200}, "times": "forever"}]))
            .await;
        let body = draft(&gateway, "order_shipped");
        let ask = || answer(gateway.acme("POST", "/api/templates").header("idempotency-key", "one").json(&body));
        let ((first, one), (second, other)) = tokio::join!(ask(), ask());
        assert_eq!((first, second, &one["id"]), (201, 201, &other["id"]), "{one} {other}");
        assert_eq!(gateway.read("/api/templates?name=order_shipped").await["total"], 1);
    });
}

#[test]
fn a_vendor_whose_approval_is_asked_for_apart_takes_them_too() {
    scenario(|gateway| async move {
        let settings = json!({"account_sid": gateway.twilio.account_sid, "auth_token": gateway.twilio.auth_token,
            "sender": "whatsapp:+14155238886", "base_url": gateway.simulator.base_url()});
        let made = json!({"kind": "twilio", "name": "second", "settings": settings});
        let (status, channel) = answer(gateway.acme("POST", "/api/channels").json(&made)).await;
        assert_eq!(status, 201, "{channel}");
        let draft = json!({"channel_id": channel["id"], "name": "order_shipped", "language": "en", "category": "utility",
            "components": [{"type": "twilio/text", "content": {"body": "On its way, {{1}}."}}, {"type": "content", "variables": {"1": "Ana"}}]});
        let (status, made) = submit(&gateway, &draft).await;
        assert_eq!(
            (status, &made["status"], &made["category"]),
            (201, &json!("RECEIVED"), &json!("UTILITY")),
            "{made}"
        );
        assert!(made["name"].as_str().is_some_and(|sid| sid.starts_with("HX")), "{made}");
        let approved = || async {
            gateway.switchboard.store.clock().advance(61_000);
            let listed = gateway.read("/api/templates?q=order_shipped").await;
            let is = listed["items"][0]["status"] == "APPROVED" && listed["items"][0]["id"] == made["id"];
            if is { Ok(()) } else { Err(listed.to_string()) }
        };
        await_some("the approval", approved).await;
        let one = format!("/api/templates/{}", made["id"].as_str().unwrap());
        assert_eq!(answer(gateway.acme("DELETE", &one)).await.0, 204);
        assert_eq!(gateway.read("/api/templates?q=order_shipped").await["total"], 0);
        // What cannot be handed in does not stay at the vendor.
        let refused = json!([{"match": {"kind": "templates", "path": "ApprovalRequests"}, "action": {"status": {"http": 400, "body": {"code": 20001, "message": "Invalid name"}}}}]);
        faults(&gateway, &refused).await;
        let (status, refused) = submit(&gateway, &draft).await;
        assert_eq!((status, &refused["error"]["details"][0]["expected"]), (422, &json!("Invalid name")), "{refused}");
        let sync = gateway.acme("POST", &format!("/api/channels/{}/templates/sync", channel["id"].as_str().unwrap()));
        assert_eq!(answer(sync).await.1["total"], 2, "the vendor's samples only");
    });
}
