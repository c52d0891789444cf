//! SIGTERM: what is in hand is finished, the rest stays durable, and the exit is a good one.

use hmac::{Hmac, KeyInit, Mac};
use rustix::process::Signal;
use serde_json::json;
use sha2::Sha256;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::process::await_some;
use crate::support::stage::{APP_SECRET, NUMBER, Stage, with_both_databases};

with_both_databases! {
    async fn a_gateway_that_is_told_to_stop_drains(database) {
        let stage = Stage::new(database).await;
        stage.faults(json!([{ "match": { "kind": "send" }, "action": { "latency_ms": 800 } }])).await;
        let mut process = stage.start().await;
        for round in 1..=3 {
            for from in ["491800000001", "491800000002"] {
                stage.say(from, &format!("{from} says {round}")).await;
            }
        }
        stage.books("messages=1").await;

        // One delivery is half here when the signal comes.
        let body = json!({"object": "whatsapp_business_account", "entry": [{"id": "102290129340398", "changes": [{
            "field": "messages", "value": {"messaging_product": "whatsapp",
                "metadata": {"display_phone_number": "15550783881", "phone_number_id": NUMBER},
                "statuses": []}}]}]})
        .to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(APP_SECRET.as_bytes()).unwrap();
        mac.update(body.as_bytes());
        let head = format!(
            "POST /api/webhooks/whatsapp HTTP/1.1\r\nHost: gateway\r\nContent-Length: {}\r\n\
             X-Hub-Signature-256: sha256={}\r\nConnection: close\r\n\r\n",
            body.len(),
            hex::encode(mac.finalize().into_bytes())
        );
        let (now, later) = body.split_at(20);
        let mut connection = TcpStream::connect(("127.0.0.1", stage.port)).await.unwrap();
        connection.write_all(format!("{head}{now}").as_bytes()).await.unwrap();
        let taken = stage.http.get(stage.gateway("/healthz")).send().await.unwrap();
        assert_eq!(taken.status(), 200);
        process.signal(Signal::TERM);
        await_some("the door to close", || async {
            match TcpStream::connect(("127.0.0.1", stage.port)).await {
                Ok(_) => Err("it is open".to_owned()),
                Err(_) => Ok(()),
            }
        })
        .await;
        connection.write_all(later.as_bytes()).await.unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let status = process.ended().await;
        assert!(status.success(), "{status}");

        let process = stage.start().await;
        stage.settled().await;
        process.stop().await;
        stage.assert_whole(true).await;
        stage.end().await;
    }
}
