//! Several files in one message: it is one message, answered once, and each file comes by itself.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::ledger::list;
use crate::support::line::Line;
use crate::support::process::await_some;
use crate::support::stage::{Database, Stage, run};

const ANA: &str = "491850000001";

#[test]
fn the_files_of_one_message_are_kept_though_one_of_them_is_late() {
    run(async {
        let stage = Stage::of(Line::Sms, Database::Sqlite, |_| {}).await;
        let down = json!([{ "match": { "kind": "media" }, "action": { "status": stage.line.down() }, "times": 1 }]);
        stage.faults(down).await;
        let process = stage.start().await;
        let pictures = [("image/png", "\x7fa lamp"), ("image/jpeg", "\x7fits box")];
        let files = pictures.map(|(kind, bytes)| json!({ "data_base64": STANDARD.encode(bytes), "mime_type": kind }));
        stage.write(json!({ "from": ANA, "text": "look", "type": "media", "media": files })).await;
        stage.settled().await;
        let message = await_some("both files", || async {
            let message = stage.messages_with(ANA).await.first().cloned().unwrap_or_default();
            let stored = list(&message["attachments"]).iter().filter(|file| file["state"] == "stored").count();
            if stored == 2 { Ok(message) } else { Err(message.to_string()) }
        })
        .await;
        assert_eq!(message["body"], "look\n[image]\n[image]");
        let kinds: Vec<_> = list(&message["content"]["parts"]).iter().map(|part| part["type"].clone()).collect();
        assert_eq!(
            (&message["content"]["type"], kinds),
            (&json!("multipart"), ["text", "image", "image"].map(Value::from).to_vec())
        );
        for (file, (kind, bytes)) in list(&message["attachments"]).iter().zip(pictures) {
            assert_eq!(file["mime_type"], kind, "the order is the vendor's: {message}");
            let answer = stage.ask(reqwest::Method::GET, file["url"].as_str().unwrap()).send().await.unwrap();
            assert_eq!(answer.bytes().await.unwrap(), bytes.as_bytes());
        }
        process.stop().await;
        stage.assert_whole(true).await;
        stage.end().await;
    });
}
