//! Each fault does what it says, and the books tell what was taken.

use serde_json::{Value, json};

use crate::stage::{NUMBER, Stage, wamid};

async fn messages(stage: &Stage) -> u64 {
    stage.books("").await["counts"]["messages"].as_u64().unwrap()
}

async fn send_raw(stage: &Stage) -> Result<reqwest::Response, reqwest::Error> {
    let body = json!({"messaging_product": "whatsapp", "to": "16505551234", "type": "text", "text": {"body": "x"}});
    stage.request("POST", &format!("/v24.0/{NUMBER}/messages")).json(&body).send().await
}

#[actix_web::test]
async fn a_cut_before_books_nothing_and_a_cut_after_books_the_message() {
    let stage = Stage::new().await;
    stage.open_window().await;
    for (action, booked) in [("cut_before", 0), ("cut_after", 1)] {
        stage.call("DELETE", "/sim/books", None).await;
        stage.faults(json!([{"match": {"kind": "send"}, "action": action, "times": 1}])).await;
        let error = send_raw(&stage).await.expect_err("the connection closes");
        assert!(error.status().is_none(), "{error:?}");
        assert_eq!(messages(&stage).await, booked, "{action}");
        assert_eq!(send_raw(&stage).await.unwrap().status(), 200);
    }
}

#[actix_web::test]
async fn statuses_come_with_their_bodies_and_headers() {
    let stage = Stage::new().await;
    stage.open_window().await;
    let rule = |status: Value| json!([{"match": {"kind": "send"}, "action": {"status": status}}]);
    stage.faults(rule(json!({"http": 429, "code": 130_429, "retry_after": 3}))).await;
    let answer = send_raw(&stage).await.unwrap();
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["Retry-After"], "3");
    assert_eq!(answer.json::<Value>().await.unwrap()["error"]["code"], 130_429);
    stage.faults(rule(json!({"http": 503}))).await;
    let answer = send_raw(&stage).await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["Content-Type"]), (503, &"text/html".parse().unwrap()));
    assert_eq!(messages(&stage).await, 0);
}

#[actix_web::test]
async fn latency_and_slow_bodies_take_their_time() {
    let stage = Stage::new().await;
    stage.open_window().await;
    for action in [json!({"latency_ms": 150}), json!({"slow_body": {"bytes": 32, "every_ms": 40}})] {
        stage.faults(json!([{"match": {"kind": "send"}, "action": action}])).await;
        let started = std::time::Instant::now();
        let answer = send_raw(&stage).await.unwrap().json::<Value>().await.unwrap();
        assert!(started.elapsed().as_millis() >= 150, "{action}");
        wamid(&answer);
    }
}

#[actix_web::test]
async fn webhooks_are_doubled() {
    let stage = Stage::new().await;
    stage.faults(json!([{"match": {"kind": "inbound"}, "action": {"duplicate_webhooks": 2}, "times": 1}])).await;
    stage.write(json!({"from": "16505551234", "text": "hello"})).await;
    stage.books("acknowledged=3").await;
    let all = stage.receiver.all();
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|one| one.raw == all[0].raw));
}

#[actix_web::test]
async fn webhooks_overtake_each_other() {
    let stage = Stage::new().await;
    stage.faults(json!([{"action": {"reorder_webhooks": 300}}])).await;
    let path = format!("/sim/whatsapp/{NUMBER}/inbound");
    for n in 0..12 {
        stage.call("POST", &path, Some(json!({"from": "16505551234", "text": n.to_string()}))).await;
    }
    stage.books("acknowledged=12").await;
    let text = |one: &crate::stage::Arrived| {
        one.body["entry"][0]["changes"][0]["value"]["messages"][0]["text"]["body"]
            .as_str()
            .unwrap()
            .parse::<u32>()
            .unwrap()
    };
    let order: Vec<u32> = stage.receiver.all().iter().map(text).collect();
    let mut sorted = order.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..12).collect::<Vec<_>>());
    assert_ne!(order, sorted, "twelve webhooks with random delays came in order");
}

#[actix_web::test]
async fn receipts_can_be_dropped_failed_late_or_early() {
    let stage = Stage::new().await;
    stage.open_window().await;
    stage.faults(json!([{"action": "receipts_before_answer"}, {"action": "drop_receipts"}])).await;
    let early = wamid(&stage.send("x").await.1);
    assert_eq!(
        stage.receiver.receipts(&early),
        ["sent"],
        "the receipt was there before the answer, the rest is dropped"
    );
    stage.faults(json!([{"match": {"kind": "send"}, "action": {"fail_receipt": 131_026}}])).await;
    let failed = wamid(&stage.send("x").await.1);
    stage.books("acknowledged=3").await;
    assert_eq!(stage.receiver.receipts(&failed), ["failed"]);
    let all = stage.receiver.all();
    let status = &all.last().unwrap().body["entry"][0]["changes"][0]["value"]["statuses"][0];
    assert_eq!(status["errors"][0]["code"], 131_026);
    stage.faults(json!([{"action": {"delay_receipts": 200}}])).await;
    let started = std::time::Instant::now();
    let late = wamid(&stage.send("x").await.1);
    stage.books("acknowledged=4").await;
    assert!(started.elapsed().as_millis() >= 200);
    assert_eq!(stage.receiver.receipts(&late)[0], "sent");
}

#[actix_web::test]
async fn a_rule_that_cannot_be_read_is_refused_with_a_reason() {
    let stage = Stage::new().await;
    let (status, answer) = stage.call("PUT", "/sim/faults", Some(json!([{"action": "explode"}]))).await;
    assert_eq!(status, 400);
    assert!(answer["error"].as_str().unwrap().contains("explode"), "{answer}");
}

#[actix_web::test]
async fn listeners_hear_of_everything() {
    let stage = Stage::new().await;
    stage.open_window().await;
    stage.send("x").await;
    stage.books("acknowledged=4").await;
    let mut answer = stage.request("GET", "/sim/books/stream").send().await.unwrap();
    let mut heard = String::new();
    for wanted in ["event: inbound", "event: outbound", "event: delivery", "event: receipt"] {
        while !heard.contains(wanted) {
            heard.push_str(&String::from_utf8_lossy(&answer.chunk().await.unwrap().expect("the stream goes on")));
        }
    }
}
