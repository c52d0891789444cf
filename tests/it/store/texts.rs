//! Any text survives, whatever stands in it.

use serde_json::json;
use switchboard_channels::contract::content::Content;

use crate::support::databases::on_both_databases;
use crate::support::people::{content, hear, meet, text, unwritten};

fn hostile() -> Vec<String> {
    let mut texts: Vec<String> = [
        "",
        "👩‍👩‍👧‍👦 ﷽ é\u{301} \u{202e}abc\u{2028}\u{feff}",
        "\\u0000 \\ \" ' ` -- ; DROP TABLE messages; $1 {rows} %s",
        "\u{1}\u{8}\u{b}\u{1f}\u{7f}\u{80}\u{9f}\r\n\t",
        "{\"a\":[1,2,{\"b\":null}]}",
        "\u{fffd}\u{ffff}\u{10ffff}",
    ]
    .map(str::to_owned)
    .into();
    texts.push("ä".repeat(32_768));
    texts.push("\\\"".repeat(32_768));
    texts
}

on_both_databases! {
    async fn any_text_survives(store: TestStore) {
        let mut conversation = meet(&store, &store.channel, "491").await;
        for (number, said) in hostile().into_iter().enumerate() {
            let id = format!("wamid.{number}");
            conversation = hear(&store, &conversation, &[text(&id, "491", &said)]).await.unwrap();
            let stored = store.message_by_provider(&store.channel.id, &id).await.unwrap().unwrap().message;
            assert_eq!(stored.content, Content::text(said.clone()));
            assert_eq!(stored.body, Content::text(said).plain());
        }
    }

    async fn any_json_survives(store: TestStore) {
        let conversation = meet(&store, &store.channel, "491").await;
        let mut deep = json!(null);
        for _ in 0..60 {
            deep = json!([deep]);
        }
        let raw = json!({
            "": "empty", "\0": "nul \0", "n": [1e300, -0.5, u64::MAX, i64::MIN], "deep": deep, "quote\"": "\u{1f}",
        });
        let odd = Content::Unsupported { kind: Some("x\0y".to_owned()), raw };
        hear(&store, &conversation, &[content("wamid.odd", "491", odd.clone())]).await.unwrap();
        let stored = store.message_by_provider(&store.channel.id, "wamid.odd").await.unwrap().unwrap().message;
        assert_eq!(stored.content, odd);
        let event = store.events(&store.workspace.id, 0, 100).await.unwrap().pop().unwrap();
        let data: serde_json::Value = serde_json::from_str(&event.data).unwrap();
        assert_eq!(data["message"]["content"], serde_json::to_value(&odd).unwrap());
    }

    async fn nul_becomes_a_mark_and_names_stay_unique(store: TestStore) {
        let event = [text("wamid.\0", "49\0", "a\0b")];
        let conversation = hear(&store, &unwritten(&store, &store.channel), &event).await.unwrap();
        let stored = store.message_by_provider(&store.channel.id, "wamid.\0").await.unwrap().unwrap().message;
        assert_eq!(stored.body, "a\u{fffd}b");
        let again = hear(&store, &conversation, &event).await.unwrap_err();
        assert!(matches!(again, switchboard::domain::changes::Refusal::Duplicate(_)), "{again}");
        let taken = hear(&store, &unwritten(&store, &store.channel), &[text("wamid.2", "49\0", "hi")]).await;
        assert_eq!(taken.unwrap_err(), switchboard::domain::changes::Refusal::Taken(conversation.id));
        assert!(store.conversation(&store.workspace.id, "\0").await.unwrap().is_none());
    }
}
