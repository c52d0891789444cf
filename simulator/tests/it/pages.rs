//! Messenger and Instagram: recorded exchanges, limits, windows, echoes, receipts, hand-overs, what people do.

use serde_json::{Value, json};

use crate::exchanges::{address, alike};
use crate::stage::Stage;

const PAGE: &str = "104200000000001";
const PSID: &str = "7240000000000001";
const INSTAGRAM: &str = "17841400000000001";
const IGSID: &str = "9240000000000001";

/// The account, the address of its customer and the product's name.
const BOTH: [(&str, &str, &str); 2] = [("messenger", PAGE, PSID), ("instagram", INSTAGRAM, IGSID)];

async fn stage() -> Stage {
    let stage = Stage::new().await;
    let quick = json!({"receipt_delays_ms": [1, 20, 40]});
    stage.open("messenger", PAGE, quick.clone()).await;
    stage.open("instagram", INSTAGRAM, quick).await;
    let sheena = json!({"name": "Sheena Nelson", "username": "realsheena", "psid": PSID, "igsid": IGSID});
    assert_eq!(stage.call("POST", "/sim/customers", Some(sheena)).await.0, 201);
    stage
}

async fn send(stage: &Stage, account: &str, to: &str, message: Value) -> (u16, Value) {
    let body = json!({"recipient": {"id": to}, "messaging_type": "RESPONSE", "message": message});
    stage.call("POST", &format!("/v24.0/{account}/messages"), Some(body)).await
}

fn code(answer: &Value) -> (i64, i64) {
    let error = &answer["error"];
    (error["code"].as_i64().unwrap_or_default(), error["error_subcode"].as_i64().unwrap_or_default())
}

async fn replay(stage: &Stage, channel: &str, account: &str, recorded: &str) {
    let recorded: Value = serde_json::from_str(recorded).unwrap();
    for exchange in recorded["exchanges"].as_array().unwrap() {
        let (name, request, wanted) = (exchange["name"].as_str().unwrap(), &exchange["request"], &exchange["response"]);
        stage.faults(json!([])).await;
        if wanted["body"].get("error").is_some() {
            let error = &wanted["body"]["error"];
            let ours = error["type"] == "OAuthException";
            let mut status = if ours { json!({"code": error["code"]}) } else { wanted.clone() };
            if ours && let Some(subcode) = error.get("error_subcode") {
                status["subcode"] = subcode.clone();
            }
            // Words that differ with the reason cannot be known from the code alone.
            if ["error-tag-removed", "error-too-long"].contains(&name) || !ours {
                status = json!({"http": wanted["status"], "body": wanted["body"]});
            }
            stage.faults(json!([{"match": {"vendor": channel}, "action": {"status": status}}])).await;
        }
        if request["body"]["recipient"].get("comment_id").is_some() {
            let comment = json!({"from": if channel == "messenger" { PSID } else { IGSID }, "type": "comment",
                "text": "Nice", "id": request["body"]["recipient"]["comment_id"]});
            stage.write_on(channel, account, comment).await;
        }
        let body = request.get("body").cloned();
        let (status, body) = stage.call(request["method"].as_str().unwrap(), &address(request), body).await;
        assert_eq!(Some(u64::from(status)), wanted["status"].as_u64(), "{name}: {body}");
        let mut wanted = wanted["body"].clone();
        // The recording had uploaded what it sends; another upload has another id.
        if wanted.get("id").is_some() && name == "account" {
            wanted["id"] = body["id"].clone();
        }
        alike(name, &wanted, &body);
    }
}

#[actix_web::test]
async fn every_recorded_exchange_is_answered_in_its_shape() {
    let stage = stage().await;
    let upload = stage.request("POST", "/sim/media?id=1220000000000031").header("Content-Type", "video/mp4");
    assert!(upload.body("film").send().await.unwrap().status().is_success());
    stage.write_on("messenger", PAGE, json!({"from": PSID, "text": "Hello"})).await;
    replay(&stage, "messenger", PAGE, include_str!("../fixtures/messenger-exchanges.json")).await;
    stage.faults(json!([])).await;
    // `me` means the account with the token; both have the same one unless they are told apart.
    stage.call("DELETE", &format!("/sim/accounts/{PAGE}"), None).await;
    stage.open("instagram", INSTAGRAM, json!({"page_id": PAGE})).await;
    stage.write_on("instagram", INSTAGRAM, json!({"from": IGSID, "text": "Hello"})).await;
    replay(&stage, "instagram", INSTAGRAM, include_str!("../fixtures/instagram-exchanges.json")).await;
}

#[actix_web::test]
async fn limits_are_kept() {
    let stage = stage().await;
    let long = |n: usize| "x".repeat(n);
    let reply = |title: &str| json!({"content_type": "text", "title": title, "payload": "P"});
    let replies = |n: usize| json!({"text": "?", "quick_replies": vec![reply("t"); n]});
    let buttons = |buttons: Value| json!({"attachment": {"type": "template", "payload": {"template_type": "button", "text": "?", "buttons": buttons}}});
    let button = json!({"type": "postback", "title": "Talk", "payload": "TALK"});
    let phone = json!([{"type": "phone_number", "title": "Call", "payload": "+15550783881"}]);
    let image = json!({"type": "image", "payload": {"url": "https://e.x/a.png"}});
    for (channel, account, customer) in BOTH {
        stage.write_on(channel, account, json!({"from": customer, "text": "Hello"})).await;
        let messenger = channel == "messenger";
        for (message, good) in [
            (json!({"text": "é".repeat(500)}), true),
            (json!({"text": "é".repeat(501)}), messenger),
            (json!({"text": long(2_001)}), false),
            (json!({"text": ""}), false),
            (json!({}), false),
            (json!({"text": "x", "attachment": image}), false),
            (json!({"attachments": vec![image.clone(); 10]}), true),
            (json!({"attachments": vec![image.clone(); 11]}), false),
            (replies(13), true),
            (replies(14), false),
            (json!({"text": "?", "quick_replies": [reply(&long(21))]}), false),
            (json!({"text": "?", "quick_replies": [{"content_type": "user_email"}]}), messenger),
            (buttons(json!([button, button, button])), true),
            (buttons(json!([button, button, button, button])), false),
            (buttons(phone.clone()), messenger),
            (json!({"attachment": {"type": "like_heart"}}), !messenger),
            (json!({"attachment": {"type": "image", "payload": {"attachment_id": "404"}}}), false),
            (json!({"attachment": {"type": "image", "payload": {"url": "ftp://e.x"}}}), false),
            (json!({"text": "x", "metadata": long(1_001)}), false),
        ] {
            let (status, answer) = send(&stage, account, customer, message.clone()).await;
            assert_eq!(status == 200, good, "{channel}: {message} gave {answer}");
            assert!(good || answer["error"]["code"] == 100, "{answer}");
        }
        assert_eq!(send(&stage, account, "404404", json!({"text": "x"})).await.1["error"]["code"], 100);
        let wrong = stage.request_as("other", "POST", &format!("/v24.0/{account}/messages"));
        let wrong = wrong.json(&json!({"recipient": {"id": customer}, "message": {"text": "x"}}));
        assert_eq!(wrong.send().await.unwrap().json::<Value>().await.unwrap()["error"]["code"], 190);
    }
}

#[actix_web::test]
async fn the_window_closes_and_only_people_may_write_for_seven_days() {
    let stage = stage().await;
    for (channel, account, customer) in BOTH {
        stage.call("PUT", "/sim/clock", Some(json!({"offset_ms": 0}))).await;
        let subcode = if channel == "messenger" { 2_018_278 } else { 2_534_022 };
        let (_, never) = send(&stage, account, customer, json!({"text": "x"})).await;
        assert_eq!(code(&never), (10, subcode));
        stage.write_on(channel, account, json!({"from": customer, "text": "Hello"})).await;
        assert_eq!(send(&stage, account, customer, json!({"text": "x"})).await.0, 200);
        let tagged = |tag: &str| {
            let body = json!({"recipient": {"id": customer}, "messaging_type": "MESSAGE_TAG", "tag": tag,
                "message": {"text": "x"}});
            let (stage, path) = (&stage, format!("/v24.0/{account}/messages"));
            async move { stage.call("POST", &path, Some(body)).await }
        };
        stage.call("PUT", "/sim/clock", Some(json!({"advance_ms": 25 * 3_600_000}))).await;
        assert_eq!(code(&send(&stage, account, customer, json!({"text": "x"})).await.1), (10, subcode));
        assert_eq!(tagged("HUMAN_AGENT").await.0, 200);
        assert_eq!(code(&tagged("ACCOUNT_UPDATE").await.1).0, 100);
        stage.call("PUT", "/sim/clock", Some(json!({"advance_ms": 7 * 24 * 3_600_000}))).await;
        assert_eq!(code(&tagged("HUMAN_AGENT").await.1), (10, subcode));
    }
}

#[actix_web::test]
async fn a_send_is_booked_once_echoed_and_its_receipts_are_the_products() {
    let stage = stage().await;
    for (channel, account, customer) in BOTH {
        stage.write_on(channel, account, json!({"from": customer, "text": "Hello"})).await;
        stage.receiver.arrived.lock().unwrap().clear();
        let message = json!({"text": "Córdoba", "metadata": "msg:1"});
        let (_, answer) = send(&stage, account, customer, message).await;
        let mid = answer["message_id"].as_str().unwrap();
        let messenger = channel == "messenger";
        let books =
            stage.books_of(account, &format!("messages=1&acknowledged={}", if messenger { 4 } else { 3 })).await;
        let booked = &books["messages"][0];
        assert_eq!(
            (&booked["channel"], &booked["id"], &booked["text"], &booked["tracking"], &booked["to"]),
            (&json!(channel), &json!(mid), &json!("Córdoba"), &json!("msg:1"), &json!(customer))
        );
        let events = stage.receiver.events();
        let echo = events.iter().find(|event| event["message"]["is_echo"] == true).unwrap();
        assert_eq!((&echo["sender"]["id"], &echo["message"]["mid"]), (&json!(account), &json!(mid)));
        assert_eq!(echo["message"].get("app_id").is_some(), messenger);
        assert_eq!(echo["message"].get("metadata").is_some(), messenger);
        assert_eq!(events.iter().any(|event| event["delivery"]["mids"] == json!([mid])), messenger);
        let read = events.iter().find(|event| event.get("read").is_some()).unwrap();
        assert_eq!(read["read"].get("watermark").is_some(), messenger);
        assert_eq!(read["read"].get("mid").is_some(), !messenger);
        assert!(stage.receiver.all().iter().all(|one| one.signature.starts_with("sha256=")));
    }
}

#[actix_web::test]
async fn echoes_can_be_off_and_a_receipt_can_come_before_the_answer() {
    let stage = stage().await;
    stage.write_on("messenger", PAGE, json!({"from": PSID, "text": "Hello"})).await;
    stage.open("messenger", PAGE, json!({"echoes": false, "receipts": "delivered"})).await;
    stage.receiver.arrived.lock().unwrap().clear();
    stage.faults(json!([{"match": {"vendor": "messenger"}, "action": "receipts_before_answer"}])).await;
    let (_, answer) = send(&stage, PAGE, PSID, json!({"text": "x"})).await;
    let events = stage.receiver.events();
    assert_eq!(events.len(), 1, "only the delivery, and it was there before the answer");
    assert_eq!(events[0]["delivery"]["mids"][0], answer["message_id"]);
}

#[actix_web::test]
async fn cuts_are_told_apart_by_the_books() {
    let stage = stage().await;
    for (channel, account, customer) in BOTH {
        stage.write_on(channel, account, json!({"from": customer, "text": "Hello"})).await;
        for (action, booked) in [("cut_before", 0), ("cut_after", 1)] {
            stage.call("DELETE", "/sim/books", None).await;
            let rule = json!([{"match": {"vendor": channel, "kind": "send"}, "action": action, "times": 1}]);
            stage.faults(rule).await;
            let body = json!({"recipient": {"id": customer}, "message": {"text": "x"}});
            let request = stage.request("POST", &format!("/{account}/messages")).json(&body);
            request.send().await.expect_err("the connection closes");
            assert_eq!(stage.books_of(account, "").await["counts"]["messages"], booked, "{channel} {action}");
        }
    }
}

#[actix_web::test]
async fn people_do_everything_the_products_offer() {
    let stage = stage().await;
    let story = json!({"id": "17900000000000001", "url": "https://e.x/story"});
    let kinds = [
        (json!({"text": "Hello"}), "/message/text", json!("Hello")),
        (json!({"text": "and", "reply_to": "m_1"}), "/message/reply_to/mid", json!("m_1")),
        (
            json!({"type": "quick_reply", "quick_reply": {"title": "Red", "payload": "RED"}}),
            "/message/quick_reply/payload",
            json!("RED"),
        ),
        (
            json!({"type": "postback", "postback": {"title": "Talk", "payload": "TALK"}}),
            "/postback/payload",
            json!("TALK"),
        ),
        (
            json!({"type": "reaction", "reaction": {"mid": "m_1", "emoji": "😢", "reaction": "sad"}}),
            "/reaction/action",
            json!("react"),
        ),
        (json!({"type": "reaction", "reaction": {"mid": "m_1"}}), "/reaction/action", json!("unreact")),
        (
            json!({"type": "edit", "edit": {"mid": "m_1", "text": "Hi", "num_edit": 2}}),
            "/message_edit/num_edit",
            json!(2),
        ),
        (json!({"type": "unsend", "unsend": {"mid": "m_1"}}), "/message/is_deleted", json!(true)),
        (
            json!({"type": "referral", "referral": {"ref": "summer", "source": "SHORTLINK", "type": "OPEN_THREAD"}}),
            "/referral/ref",
            json!("summer"),
        ),
        (json!({"type": "image", "image": {"data_base64": "aGVsbG8="}}), "/message/attachments/0/type", json!("image")),
        (
            json!({"type": "share", "share": {"url": "https://e.x"}}),
            "/message/attachments/0/payload/url",
            json!("https://e.x"),
        ),
        (json!({"type": "unsupported"}), "/message/is_unsupported", json!(true)),
        (json!({"type": "inbox", "inbox": "A person here"}), "/message/is_echo", json!(true)),
        (
            json!({"type": "story_reply", "story_reply": story, "text": "Nice"}),
            "/message/reply_to/story/id",
            json!("17900000000000001"),
        ),
    ];
    for (channel, account, customer) in BOTH {
        for (description, pointer, wanted) in &kinds {
            if channel == "messenger" && description["type"] == "story_reply" {
                continue;
            }
            let mut description = description.clone();
            description["from"] = json!(customer);
            stage.receiver.arrived.lock().unwrap().clear();
            stage.write_on(channel, account, description.clone()).await;
            let event = stage.receiver.events()[0].clone();
            assert_eq!(event.pointer(pointer), Some(wanted), "{description} gave {event}");
            let own = description["type"] == "inbox";
            assert_eq!(event["sender"]["id"], if own { account } else { customer });
        }
    }
    let unknown = json!({"from": PSID, "type": "dance"});
    assert_eq!(stage.call("POST", &format!("/sim/messenger/{PAGE}/inbound"), Some(unknown)).await.0, 400);
}

#[actix_web::test]
async fn a_file_is_fetched_without_a_token_until_its_address_dies() {
    let stage = stage().await;
    let image = json!({"from": PSID, "type": "image", "image": {"data_base64": "aGVsbG8="}});
    stage.write_on("messenger", PAGE, image).await;
    let event = stage.receiver.events()[0].clone();
    let url = event["message"]["attachments"][0]["payload"]["url"].as_str().unwrap().to_owned();
    let open = stage.request_as("none", "GET", &url).send().await.unwrap();
    assert_eq!((open.status().as_u16(), open.bytes().await.unwrap().as_ref()), (200, &b"hello"[..]));
    assert_eq!(stage.request("GET", &url.replace("oh=", "oh=0")).send().await.unwrap().status(), 403);
    stage.call("PUT", "/sim/clock", Some(json!({"advance_ms": 4 * 24 * 3_600_000_i64}))).await;
    assert_eq!(stage.request("GET", &url).send().await.unwrap().status(), 403);
}

#[actix_web::test]
async fn a_thread_that_people_have_taken_is_heard_in_standby_and_refused_to_the_app() {
    let stage = stage().await;
    for (channel, account, customer) in BOTH {
        stage.write_on(channel, account, json!({"from": customer, "text": "Hello"})).await;
        stage.receiver.arrived.lock().unwrap().clear();
        let control = |to: &str| {
            let body = json!({"customer": customer, "to": to});
            let (stage, path) = (&stage, format!("/sim/{channel}/{account}/control"));
            async move { stage.call("POST", &path, Some(body)).await }
        };
        assert_eq!(control("inbox").await.0, 200);
        stage.write_on(channel, account, json!({"from": customer, "text": "Anybody there?"})).await;
        assert_eq!(code(&send(&stage, account, customer, json!({"text": "x"})).await.1), (10, 2_018_300));
        let mut all = stage.receiver.all();
        all.retain(|one| one.body["entry"][0]["id"] == account);
        assert!(all[0].body["entry"][0]["messaging"][0].get("take_thread_control").is_some());
        assert_eq!(all[1].body["entry"][0]["standby"][0]["message"]["text"], "Anybody there?");
        let take = json!({"recipient": {"id": customer}});
        assert_eq!(stage.call("POST", &format!("/v24.0/{account}/take_thread_control"), Some(take)).await.0, 200);
        assert_eq!(send(&stage, account, customer, json!({"text": "x"})).await.0, 200);
    }
}

#[actix_web::test]
async fn a_comment_is_answered_in_private_once() {
    let stage = stage().await;
    let comment = json!({"from": PSID, "type": "comment", "text": "How much?", "id": "1_2"});
    stage.write_on("messenger", PAGE, comment).await;
    let reply = json!({"recipient": {"comment_id": "1_2"}, "message": {"text": "Ten"}});
    let path = format!("/v24.0/{PAGE}/messages");
    assert_eq!(stage.call("POST", &path, Some(reply.clone())).await.1["recipient_id"], PSID);
    assert_eq!(code(&stage.call("POST", &path, Some(reply)).await.1).0, 10_900);
}

#[actix_web::test]
async fn a_file_can_be_uploaded_and_sent() {
    let stage = stage().await;
    stage.write_on("messenger", PAGE, json!({"from": PSID, "text": "Hello"})).await;
    let part = reqwest::multipart::Part::bytes(b"jpeg".to_vec()).file_name("a.jpg").mime_str("image/jpeg").unwrap();
    let form = reqwest::multipart::Form::new()
        .text("message", r#"{"attachment":{"type":"image","payload":{"is_reusable":true}}}"#)
        .part("filedata", part);
    let upload = stage.request("POST", &format!("/v24.0/{PAGE}/message_attachments")).multipart(form);
    let answer: Value = upload.send().await.unwrap().json().await.unwrap();
    let id = answer["attachment_id"].as_str().unwrap_or_else(|| panic!("no id in {answer}"));
    let message = json!({"attachment": {"type": "image", "payload": {"attachment_id": id}}});
    assert_eq!(send(&stage, PAGE, PSID, message).await.0, 200);
    let file = stage.request("GET", &format!("/sim/media/{id}")).send().await.unwrap();
    assert_eq!(file.bytes().await.unwrap(), "jpeg");
}

#[actix_web::test]
async fn webhooks_of_every_channel_are_doubled_and_receipts_are_dropped() {
    let stage = stage().await;
    let (twilio, mailbox) = ("AC00000000000000000000000000000001", "support@acme.example");
    stage.open("twilio", twilio, json!({})).await;
    stage.open("email", mailbox, json!({})).await;
    stage.faults(json!([{"match": {"kind": "inbound"}, "action": {"duplicate_webhooks": 1}}])).await;
    let writers = [("messenger", PAGE, PSID), ("instagram", INSTAGRAM, IGSID), ("twilio", twilio, "+14155550100")];
    for (channel, account, from) in writers.into_iter().chain([("email", mailbox, "ana@customer.example")]) {
        stage.receiver.arrived.lock().unwrap().clear();
        stage.write_on(channel, account, json!({"from": from, "text": "Hello"})).await;
        stage.books_of(account, "acknowledged=2").await;
        let all = stage.receiver.all();
        assert_eq!((all.len(), &all[0].raw), (2, &all[1].raw), "{channel}");
    }
    stage.faults(json!([{"action": "drop_receipts"}])).await;
    stage.receiver.arrived.lock().unwrap().clear();
    assert_eq!(send(&stage, PAGE, PSID, json!({"text": "x"})).await.0, 200);
    // What was written twice, and the echo, which is no receipt.
    let books = stage.books_of(PAGE, "acknowledged=3").await;
    assert_eq!(books["counts"]["deliveries"], 3);
    assert!(stage.receiver.events().iter().all(|event| event["message"]["is_echo"] == true));
}

#[actix_web::test]
async fn a_webhook_is_tried_until_the_gateway_is_back() {
    let stage = stage().await;
    for (channel, account, customer) in BOTH {
        stage.receiver.refuse.store(2, std::sync::atomic::Ordering::SeqCst);
        let answer = stage.write_on(channel, account, json!({"from": customer, "text": "Hello"})).await;
        assert_eq!(answer["delivery"]["tries"], 3, "{answer}");
    }
}
