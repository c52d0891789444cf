//! Where a vendor's deliveries carry no name, it is asked for the person's: the name appears on the contact.

use serde_json::json;

use crate::support::line::{Line, on_lines};
use crate::support::process::await_some;
use crate::support::stage::{Database, Stage};

const ANA: &str = "491840000001";

mod a_person_gets_the_name_that_the_vendor_tells {
    use super::*;

    async fn promise(line: Line) {
        let stage = Stage::of(line, Database::Sqlite, |_| {}).await;
        let address = if line == Line::Instagram { "igsid" } else { "psid" };
        let ana = json!({ "name": "Ana Lima", (address): ANA });
        let made = stage.http.post(stage.vendor("/sim/customers")).json(&ana).send().await.unwrap();
        assert!(made.status().is_success(), "{}", made.text().await.unwrap());
        let process = stage.start().await;
        stage.say(ANA, "Hello").await;
        stage.settled().await;
        let name = await_some("the name", || async {
            let conversations = stage.conversations_with(ANA).await;
            let name = conversations.first().and_then(|one| one["contact"]["name"].as_str().map(str::to_owned));
            name.ok_or_else(|| format!("{conversations:?}"))
        })
        .await;
        assert_eq!(name, "Ana Lima");
        let contacts = stage.read("/api/contacts").await;
        assert_eq!(contacts["items"][0]["name"], "Ana Lima", "{contacts}");
        process.stop().await;
        stage.assert_whole(true).await;
        stage.end().await;
    }

    on_lines! { promise: instagram Instagram, messenger Messenger }
}
