//! Messages that come before the turn of an earlier one has begun: one turn answers them all, and whoever waits for the
//! earlier one is told at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use switchboard::domain::agents::AgentSettings;
use switchboard::domain::conversations::Owner;
use switchboard::usecases::Options;
use switchboard::usecases::chatting::{Chat, ChatStep, ChatWish};

use crate::support::gateway::{Gateway, answer, scenario};

/// Says something in a session while bursts are waited for longer than any test takes.
async fn say(gateway: &Gateway, text: &str) -> Chat {
    let mut switchboard = gateway.switchboard.clone();
    let options = Options { quiet_period: Duration::from_secs(600), ..(*switchboard.options).clone() };
    switchboard.options = Arc::new(options);
    let wish = ChatWish {
        text: text.to_owned(),
        earlier: Vec::new(),
        instructions: String::new(),
        session_id: Some("burst".to_owned()),
        permissions: None,
        for_team: false,
        key: None,
    };
    switchboard.chat(&gateway.acme.workspace.id, &gateway.acme.agent.id, wish).await.unwrap()
}

/// The next step of a chat, which comes long before the chat's own patience is at its end.
async fn at_once(chat: &mut Chat) -> ChatStep {
    let begun = Instant::now();
    let step = chat.next().await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{step:?} took {:?}", begun.elapsed());
    step
}

#[test]
fn a_chat_whose_turn_is_overtaken_before_it_begins_ends_at_once() {
    scenario(|gateway| async move {
        let mut first = say(&gateway, "one").await;
        let mut second = say(&gateway, "two").await;
        assert!(matches!(at_once(&mut first).await, ChatStep::Silent));
        let third = say(&gateway, "three").await;
        assert!(matches!(at_once(&mut second).await, ChatStep::Silent));
        assert_eq!(third.conversation_id, first.conversation_id);
    });
}

#[test]
fn a_chat_whose_conversation_a_person_takes_before_its_turn_begins_ends_at_once() {
    scenario(|gateway| async move {
        let mut chat = say(&gateway, "one").await;
        let owner = Owner::Human { name: Some("Ann".to_owned()) };
        gateway.switchboard.conversations.assign(&chat.conversation_id, owner).await.unwrap();
        assert!(matches!(at_once(&mut chat).await, ChatStep::Silent));
    });
}

#[test]
fn each_question_of_a_burst_is_looked_up_by_itself() {
    scenario(|gateway| async move {
        let agent = gateway.hire("builtin/knowledge", AgentSettings::default()).await;
        let give = async |title: &str, text: &str| {
            let document = json!({"title": title, "text": text, "format": "text"});
            let given = answer(gateway.acme("POST", &format!("/api/agents/{agent}/documents")).json(&document)).await;
            assert_eq!(given.0, 201, "{given:?}");
        };
        give("Hours", "The shop is there for you from nine to six; it does not open on holidays.").await;
        // These have more words of both questions together than the one that answers the second.
        for number in 1..=8 {
            let text =
                format!("How much does shipping cost when you open parcel {number}? It does cost {number} euros.");
            give(&format!("Shipping {number}"), &text).await;
        }
        let asked = "How much does shipping cost?\nWhen does the shop open on holidays?";
        let body = json!({"messages": [{"role": "user", "content": asked}]});
        let (status, said) = answer(gateway.acme("POST", &format!("/api/agents/{agent}/chat")).json(&body)).await;
        let text = said["message"]["content"].as_str().unwrap_or_default();
        assert!(status == 200 && text.contains("euros") && text.contains("from nine to six"), "{said}");
    });
}
