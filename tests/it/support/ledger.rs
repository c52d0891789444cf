//! What must hold after any fault: everything acknowledged is stored once, everything is answered once and in order,
//! and nothing is left lying about.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use switchboard::domain::deliveries::DeliveryOutcome;
use switchboard::domain::messages::{Direction, Message, Status};
use switchboard::store::Store;
use switchboard::store::conversations::StoredConversation;
use switchboard_channels::contract::peer::IdentityKind;

use super::process::await_some;
use super::stage::Stage;

impl Stage {
    /// Waits until everything that was written is answered and nothing is left to do.
    pub async fn settled(&self) {
        await_some("everything to be answered", || async {
            let books = self.books("").await;
            let waiting: Vec<_> = list(&books["deliveries"])
                .into_iter()
                .filter(|delivery| delivery["state"] != "acknowledged")
                .map(|delivery| delivery["error"].as_str().unwrap_or("not answered yet").to_owned())
                .collect();
            let answered: usize = self.answers(&books).await.values().map(|texts| lines(texts).len()).sum();
            let written = self.written.lock().unwrap().len();
            let jobs = self.metric("switchboard_jobs", "").await;
            let pending = self.metric("switchboard_deliveries_pending", "").await;
            let settled = waiting.is_empty() && answered >= written && jobs == 0.0 && pending == 0.0;
            let state = || format!("{answered} of {written} answered, {jobs} jobs, {pending} deliveries pending, those that wait: {waiting:?}");
            if settled { Ok(()) } else { Err(state()) }
        })
        .await;
    }

    /// What each customer was sent, by phone number, in the order of the vendor's books.
    pub async fn answers(&self, books: &Value) -> BTreeMap<String, Vec<String>> {
        let customers: Value = self.http.get(self.vendor("/sim/customers")).send().await.unwrap().json().await.unwrap();
        let number_of: BTreeMap<_, _> = list(&customers)
            .into_iter()
            .filter_map(|customer| Some((customer["id"].as_str()?.to_owned(), customer["wa_id"].as_str()?.to_owned())))
            .collect();
        let mut answers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for message in list(&books["messages"]) {
            let customer = number_of.get(message["customer"].as_str().expect("a message to a customer")).unwrap();
            let text = message["body"]["text"]["body"].as_str().expect("an answer is a text").to_owned();
            answers.entry(customer.clone()).or_default().push(text);
        }
        answers
    }

    /// Checks everything, once the gateway has ended. `echoed`: the agent repeats what it hears.
    pub async fn assert_whole(&self, echoed: bool) {
        let books = self.books("").await;
        let doubles: Vec<_> = list(&books["messages"]).into_iter().filter(|sent| sent["duplicate"] == true).collect();
        assert!(doubles.is_empty(), "sent twice: {doubles:#?}");
        let answers = self.answers(&books).await;
        let store = self.open().await;
        let workspace = store.workspace_named("Acme").await.unwrap().unwrap();
        let mut stored = BTreeSet::new();
        let (conversations, total) = store.conversations(&workspace.id, None, 1_000, 0).await.unwrap();
        let written = self.written.lock().unwrap().clone();
        let writers: BTreeSet<_> = written.iter().map(|one| one.from.clone()).collect();
        assert_eq!(usize::try_from(total).unwrap(), writers.len(), "one conversation for each customer");
        for conversation in &conversations {
            let messages = store.messages(&workspace.id, &conversation.state.id, Some(0), 10_000).await.unwrap();
            let phone = phone_of(conversation);
            let sent = answers.get(&phone).cloned().unwrap_or_default();
            check_conversation(conversation, &messages, &sent, echoed);
            for message in messages.iter().filter(|message| message.direction == Direction::Inbound) {
                let wamid = message.provider_id.clone().expect("what comes in has the vendor's id");
                assert!(stored.insert((phone.clone(), wamid)), "stored twice: {message:?}");
            }
        }
        let expected: BTreeSet<_> = written.into_iter().map(|one| (one.from, one.wamid)).collect();
        assert_eq!(stored, expected, "what is stored is what was written");
        assert_nothing_left(&store, &workspace.id).await;
    }
}

fn check_conversation(conversation: &StoredConversation, messages: &[Message], sent: &[String], echoed: bool) {
    let phone = phone_of(conversation);
    let numbers: Vec<_> = messages.iter().map(|message| message.seq).collect();
    let dense: Vec<_> = (1..=i64::try_from(messages.len()).unwrap()).collect();
    assert_eq!(numbers, dense, "the numbers of a conversation have no gaps");
    assert_eq!(conversation.state.last_seq, i64::try_from(messages.len()).unwrap());
    assert_eq!(conversation.state.turn_job, None, "no turn is left over");
    let of = |direction| messages.iter().filter(move |message| message.direction == direction);
    let said: Vec<_> = of(Direction::Outbound).map(|message| message.body.clone()).collect();
    assert_eq!(sent, said, "{phone} was sent what is stored, in its order");
    for message in of(Direction::Outbound) {
        assert!(message.status.rank() >= Status::Sent.rank(), "it was sent: {message:?}");
        assert!(message.error.is_none() && message.provider_id.is_some(), "{message:?}");
    }
    if echoed {
        let heard: Vec<_> = of(Direction::Inbound).map(|message| message.body.clone()).collect();
        assert_eq!(lines(sent), lines(&heard), "{phone} was answered once, in order");
    }
}

async fn assert_nothing_left(store: &Store, workspace_id: &str) {
    assert_eq!(store.count_jobs().await.unwrap(), [], "no job is left");
    assert_eq!(store.unfinished_deliveries(i64::MAX, 10).await.unwrap(), [], "no delivery is pending");
    let dead = store.deliveries(workspace_id, Some(DeliveryOutcome::DeadLetter), 10, 0).await.unwrap();
    assert_eq!(dead.0, [], "no delivery is a dead letter");
}

/// The customer's number.
pub fn phone_of(conversation: &StoredConversation) -> String {
    let phone = conversation.identities.iter().find(|identity| identity.kind == IdentityKind::Phone);
    phone.expect("these customers have a number").value.to_string()
}

/// The members of a JSON list.
pub fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn lines(texts: &[String]) -> Vec<&str> {
    texts.iter().flat_map(|text| text.lines()).collect()
}
