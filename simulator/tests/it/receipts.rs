//! Webhooks: receipts in order, signatures, retries, the window, batches, the handshake.

use std::sync::atomic::Ordering;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

use crate::stage::{NUMBER, Stage, wamid};

#[actix_web::test]
async fn receipts_come_in_order_and_carry_the_tracking() {
    let stage = Stage::new().await;
    stage.open_window().await;
    let id = wamid(&stage.send("one").await.1);
    let books = stage.books("acknowledged=4").await;
    assert_eq!(stage.receiver.receipts(&id), ["sent", "delivered", "read"]);
    assert_eq!(books["messages"][0]["tracking"], "t1");
    let status = &stage.receiver.all()[0].body["entry"][0]["changes"][0]["value"]["statuses"][0];
    assert_eq!(status["biz_opaque_callback_data"], "t1");
    assert_eq!(status["recipient_id"], "16505551234");
    assert!(status["recipient_user_id"].as_str().unwrap().starts_with("US."));
}

#[actix_web::test]
async fn receipts_of_one_moment_share_a_post() {
    let stage = Stage::with(|account| {
        account.receipts = switchboard_simulator::Receipts::Sent;
        account.batch_window_ms = 500;
    })
    .await;
    stage.open_window().await;
    for _ in 0..10 {
        stage.send("x").await;
    }
    stage.books("acknowledged=2").await;
    let posts = stage.receiver.all();
    let most = posts.iter().map(|p| p.body["entry"][0]["changes"][0]["value"]["statuses"].as_array().unwrap().len());
    assert!(most.max() >= Some(5), "{} posts", posts.len());
}

#[actix_web::test]
async fn a_webhook_is_signed_over_escaped_bytes() {
    let stage = Stage::new().await;
    stage.write(json!({"from": "16505551234", "text": "Crème 🍮 a/b"})).await;
    let arrived = stage.receiver.all().remove(0);
    let mut mac = Hmac::<Sha256>::new_from_slice(b"switchboard-test-app-secret").unwrap();
    mac.update(&arrived.raw);
    assert_eq!(arrived.signature, format!("sha256={}", hex::encode(mac.finalize().into_bytes())));
    let raw = String::from_utf8(arrived.raw).unwrap();
    assert!(raw.contains(r"Cr\u00e8me \ud83c\udf6e a\/b"), "{raw}");
}

#[actix_web::test]
async fn a_refused_webhook_is_tried_again_until_it_is_taken() {
    let stage = Stage::new().await;
    stage.receiver.refuse.store(3, Ordering::SeqCst);
    let answer = stage.write(json!({"from": "16505551234", "text": "hello"})).await;
    assert_eq!(answer["delivery"]["state"], "acknowledged");
    assert_eq!(answer["delivery"]["tries"], 4);
    assert_eq!(stage.receiver.all().len(), 1);
}

#[actix_web::test]
async fn a_webhook_is_given_up_when_patience_ends() {
    let stage = Stage::with(|account| {
        account.callback_url = Some("http://127.0.0.1:9/".to_owned());
        account.retry_for_ms = 250;
    })
    .await;
    let answer = stage.write(json!({"from": "16505551234", "text": "hello"})).await;
    assert_eq!(answer["delivery"]["state"], "given_up");
    assert!(answer["delivery"]["tries"].as_u64() >= Some(2));
}

#[actix_web::test]
async fn the_window_follows_the_simulated_clock() {
    let stage = Stage::new().await;
    assert_eq!(stage.send("too early").await.1["error"]["code"], 131_047);
    stage.open_window().await;
    assert_eq!(stage.send("open").await.0, 200);
    stage.call("PUT", "/sim/clock", Some(json!({"advance_ms": 25 * 3_600_000}))).await;
    assert_eq!(stage.send("late").await.1["error"]["code"], 131_047);
    let path = format!("/sim/accounts/{NUMBER}");
    stage.call("PUT", &path, Some(json!({"window": "failed_status"}))).await;
    let (status, answer) = stage.send("late").await;
    assert_eq!(status, 200);
    let id = wamid(&answer);
    // The hello, three receipts of the open message, and the failure.
    stage.books("acknowledged=5").await;
    assert_eq!(stage.receiver.receipts(&id), ["failed"]);
}

#[actix_web::test]
async fn an_old_message_does_not_open_the_window() {
    let stage = Stage::new().await;
    stage.call("PUT", "/sim/clock", Some(json!({"offset_ms": -25 * 3_600_000}))).await;
    stage.open_window().await;
    stage.call("PUT", "/sim/clock", Some(json!({"offset_ms": 0}))).await;
    assert_eq!(stage.send("x").await.1["error"]["code"], 131_047);
}

#[actix_web::test]
async fn a_batch_travels_in_one_post_with_its_entries() {
    let stage = Stage::new().await;
    let messages: Vec<_> = (0..6).map(|n| json!({"from": format!("1650555000{n}"), "text": "hi"})).collect();
    let answer = stage.write(json!({"messages": messages, "entries": 3})).await;
    assert_eq!(answer["wamids"].as_array().unwrap().len(), 6);
    let all = stage.receiver.all();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].body["entry"].as_array().unwrap().len(), 3);
    assert_eq!(all[0].body["entry"][2]["changes"][0]["value"]["messages"].as_array().unwrap().len(), 2);
}

#[actix_web::test]
async fn customers_have_the_addresses_they_were_given() {
    let stage = Stage::new().await;
    for (kind, wa_id, user_id) in [("both", true, true), ("phone", true, false), ("username", false, true)] {
        let (_, customer) = stage.call("POST", "/sim/customers", Some(json!({"kind": kind, "name": kind}))).await;
        stage.write(json!({"customer": customer["id"], "text": "hi"})).await;
        let value = stage.receiver.all().last().unwrap().body["entry"][0]["changes"][0]["value"].clone();
        assert_eq!(value["messages"][0].get("from").is_some(), wa_id, "{kind}");
        assert_eq!(value["messages"][0].get("from_user_id").is_some(), user_id, "{kind}");
        assert_eq!(value["contacts"][0].get("wa_id").is_some(), wa_id, "{kind}");
    }
}

#[actix_web::test]
async fn the_handshake_is_tried_with_both_tokens() {
    let stage = Stage::new().await;
    let (_, report) = stage.call("POST", &format!("/sim/accounts/{NUMBER}/handshake"), None).await;
    assert_eq!(report["ok"], true, "{report}");
    assert_eq!(report["wrong_token"]["answer"]["status"], 403);
}
