//! Messages that come before the turn of an earlier one has begun: one turn answers them all, and whoever waits for the
//! earlier one is told at once.

use std::time::{Duration, Instant};

use serde_json::json;
use switchboard::actors::agents::Agents;
use switchboard::actors::hub::Hub;
use switchboard::actors::supervisor::{Conversations, Options as Lives};
use switchboard::domain::agents::{Agent, AgentSettings};
use switchboard::domain::conversations::{Amendment, Owner};
use switchboard::net::{self, Client, Trust};
use switchboard::store::seal::Sealer;
use switchboard::store::{JobFeed, Options as StoreOptions, Store};
use switchboard::telemetry::clock::Clock;
use switchboard::usecases::chatting::{Chat, ChatStep, ChatWish};
use switchboard::usecases::{Options, Switchboard};

use crate::support::databases::{MASTER_KEY, agent, workspace};
use crate::support::gateway::{answer, scenario};

/// A product in which no turn begins, for nobody runs its jobs.
struct Product {
    switchboard: Switchboard,
    agent: Agent,
    _jobs: JobFeed,
    _folder: tempfile::TempDir,
}

impl Product {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        let options = StoreOptions { url, ..StoreOptions::default() };
        let (store, jobs) = Store::open(&options, Sealer::new(&MASTER_KEY), Clock::default()).await.unwrap();
        let workspace = workspace(&store, "acme").await;
        let agent = agent(&store, &workspace, "ada").await;
        let client = Client::new(net::Options::default(), Trust::Operator).unwrap();
        let hub = Hub::default();
        let conversations = Conversations::start(&store, &hub, &Lives { shards: 1, ..Lives::default() });
        let agents = Agents::start(&store, &client, Default::default(), None);
        let switchboard = Switchboard::new(store, conversations, agents, hub, Options::default());
        Self { switchboard, agent, _jobs: jobs, _folder: folder }
    }

    /// Says something in the one session.
    async fn say(&self, text: &str) -> Chat {
        let wish = ChatWish {
            text: text.to_owned(),
            earlier: Vec::new(),
            instructions: String::new(),
            session_id: Some("burst".to_owned()),
            permissions: None,
            for_team: false,
            key: None,
        };
        self.switchboard.chat(&self.agent.workspace_id, &self.agent.id, wish).await.unwrap()
    }
}

fn play<F: Future<Output = ()>>(scene: impl FnOnce(Product) -> F) {
    actix_web::rt::System::new().block_on(async { scene(Product::new().await).await });
}

/// The next step of a chat, which comes long before the chat's own patience is at its end.
async fn at_once(chat: &mut Chat) -> ChatStep {
    let begun = Instant::now();
    let step = tokio::time::timeout(Duration::from_secs(5), chat.next()).await;
    step.unwrap_or_else(|_| panic!("nothing was told for {:?}", begun.elapsed()))
}

#[test]
fn a_chat_whose_turn_is_overtaken_before_it_begins_ends_at_once() {
    play(|product| async move {
        let mut first = product.say("one").await;
        let mut second = product.say("two").await;
        assert!(matches!(at_once(&mut first).await, ChatStep::Silent));
        let third = product.say("three").await;
        assert!(matches!(at_once(&mut second).await, ChatStep::Silent));
        assert_eq!(third.conversation_id, first.conversation_id);
    });
}

#[test]
fn a_chat_whose_conversation_a_person_takes_before_its_turn_begins_ends_at_once() {
    play(|product| async move {
        let mut chat = product.say("one").await;
        let owner = Owner::Human { id: None, name: Some("Ann".to_owned()) };
        let taken = Amendment::Assign(owner);
        assert!(product.switchboard.conversations.amend(&chat.conversation_id, taken).await.unwrap());
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
