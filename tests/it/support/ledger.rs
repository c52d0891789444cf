//! What must hold after any fault: everything acknowledged is stored once, everything is answered once and in order,
//! and nothing is left lying about.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sqlx::{Connection as _, PgConnection, SqliteConnection};
use switchboard::domain::deliveries::DeliveryOutcome;
use switchboard::domain::messages::{Direction, Message, Status};
use switchboard::store::Store;
use switchboard::store::conversations::StoredConversation;
use switchboard::store::conversations::Which;

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

    /// What each customer was sent, by number, in the order of the vendor's books. A mail that came again under its
    /// own id is one mail: every mailbox shows it once.
    pub async fn answers(&self, books: &Value) -> BTreeMap<String, Vec<String>> {
        let customers: Value = self.http.get(self.vendor("/sim/customers")).send().await.unwrap().json().await.unwrap();
        let number_of =
            |customer: &Value| Some((customer["id"].as_str()?.to_owned(), self.line.number_at_vendor(customer)?));
        let number_of: BTreeMap<_, _> = list(&customers).iter().filter_map(number_of).collect();
        let mut answers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for message in list(&books["messages"]) {
            if self.line.has_threads() && message["duplicate"] == true {
                continue;
            }
            let customer = number_of.get(message["customer"].as_str().expect("a message to a customer")).unwrap();
            let text = message["text"].as_str().expect("an answer is a text").trim_end().replace("\r\n", "\n");
            answers.entry(customer.clone()).or_default().push(text);
        }
        answers
    }

    /// Checks everything, once the gateway has ended. `echoed`: the agent repeats what it hears.
    pub async fn assert_whole(&self, echoed: bool) {
        let books = self.books("").await;
        let doubles: Vec<_> = list(&books["messages"]).into_iter().filter(|sent| sent["duplicate"] == true).collect();
        assert!(doubles.is_empty() || self.line.has_threads(), "sent twice: {doubles:#?}");
        let answers = self.answers(&books).await;
        let store = self.open().await;
        let workspace = store.workspace_named("Acme").await.unwrap().unwrap();
        let mut stored = BTreeSet::new();
        let mut told: BTreeMap<String, Told> = BTreeMap::new();
        let (conversations, total) = store.conversations(&workspace.id, &Which::default(), 1_000, 0).await.unwrap();
        let written = self.written.lock().unwrap().clone();
        let writers: BTreeSet<_> = written.iter().map(|one| one.from.clone()).collect();
        // Where there are threads, a message that overtook the first one of its thread has begun another.
        let expected =
            if self.line.has_threads() { writers.len()..=written.len() } else { writers.len()..=writers.len() };
        assert!(expected.contains(&usize::try_from(total).unwrap()), "{total} conversations, not {expected:?}");
        for conversation in &conversations {
            let messages = store.messages(&workspace.id, &conversation.state.id, Some(0), 10_000).await.unwrap();
            check_conversation(conversation, &messages);
            let person = self.line.number_of(conversation);
            for message in messages.iter().filter(|message| message.direction == Direction::Inbound) {
                let id = message.provider_id.clone().expect("what comes in has the vendor's id");
                assert!(stored.insert((person.clone(), id)), "stored twice: {message:?}");
            }
            told.entry(person).or_default().add(&messages);
        }
        for (person, told) in told {
            told.check(&person, answers.get(&person).cloned().unwrap_or_default(), echoed);
        }
        let expected: BTreeSet<_> = written.into_iter().map(|one| (one.from, one.id)).collect();
        assert_eq!(stored, expected, "what is stored is what was written");
        assert_nothing_left(&store, &workspace.id).await;
        self.assert_counted().await;
    }

    /// Checks that the usage is what is stored: each message, each turn and its tokens, once.
    pub async fn assert_counted(&self) {
        const COUNTED: &str = "SELECT CAST(COALESCE(SUM(messages_in), 0) AS BIGINT), CAST(COALESCE(SUM(messages_out), 0) AS BIGINT), CAST(COALESCE(SUM(turns), 0) AS BIGINT), CAST(COALESCE(SUM(input_tokens + output_tokens), 0) AS BIGINT), CAST(COALESCE(SUM(cost_micros), 0) AS BIGINT) FROM usage_days";
        const STORED: &str = "SELECT (SELECT COUNT(*) FROM messages WHERE direction = 'inbound'), (SELECT COUNT(*) FROM messages WHERE direction = 'outbound'), (SELECT COUNT(*) FROM turn_traces), (SELECT CAST(COALESCE(SUM(input_tokens + output_tokens), 0) AS BIGINT) FROM turn_traces), (SELECT CAST(COALESCE(SUM(cost_micros), 0) AS BIGINT) FROM turn_traces)";
        let (counted, stored) = (self.numbers(COUNTED).await, self.numbers(STORED).await);
        assert_eq!(counted, stored, "messages in, messages out, turns, tokens and cost");
    }

    /// Five numbers of the database, read past the store.
    async fn numbers(&self, sql: &'static str) -> (i64, i64, i64, i64, i64) {
        if self.database.starts_with("sqlite:") {
            let mut connection = SqliteConnection::connect(&self.database).await.unwrap();
            return sqlx::query_as(sql).fetch_one(&mut connection).await.unwrap();
        }
        let mut connection = PgConnection::connect(&self.database).await.unwrap();
        sqlx::query_as(sql).fetch_one(&mut connection).await.unwrap()
    }
}

fn check_conversation(conversation: &StoredConversation, messages: &[Message]) {
    let numbers: Vec<_> = messages.iter().map(|message| message.seq).collect();
    let dense: Vec<_> = (1..=i64::try_from(messages.len()).unwrap()).collect();
    assert_eq!(numbers, dense, "the numbers of a conversation have no gaps");
    assert_eq!(conversation.state.last_seq, i64::try_from(messages.len()).unwrap());
    assert_eq!(conversation.state.turn_job, None, "no turn is left over");
    for message in messages.iter().filter(|message| message.direction == Direction::Outbound) {
        assert!(message.status.rank() >= Status::Sent.rank(), "it was sent: {message:?}");
        assert!(message.error.is_none() && message.provider_id.is_some(), "{message:?}");
    }
}

/// What one person was told and has said, over all conversations.
#[derive(Debug, Default)]
struct Told {
    conversations: usize,
    said: Vec<String>,
    heard: Vec<String>,
}

impl Told {
    fn add(&mut self, messages: &[Message]) {
        let of = |direction| messages.iter().filter(move |message| message.direction == direction);
        self.conversations += 1;
        self.said.extend(of(Direction::Outbound).map(|message| message.body.trim_end().to_owned()));
        self.heard.extend(of(Direction::Inbound).map(|message| message.body.clone()));
    }

    /// In order; between several conversations of a person there is none.
    fn check(mut self, person: &str, mut sent: Vec<String>, echoed: bool) {
        if self.conversations > 1 {
            for texts in [&mut self.said, &mut self.heard, &mut sent] {
                texts.sort();
            }
        }
        assert_eq!(sent, self.said, "{person} was sent what is stored, in its order");
        if echoed {
            let (mut sent, mut heard) = (lines(&sent), lines(&self.heard));
            if self.conversations > 1 {
                // One answer may be to several messages, in the order in which they came.
                sent.sort_unstable();
                heard.sort_unstable();
            }
            assert_eq!(sent, heard, "{person} was answered once, in order");
        }
    }
}

async fn assert_nothing_left(store: &Store, workspace_id: &str) {
    assert_eq!(store.count_jobs().await.unwrap(), [], "no job is left");
    assert_eq!(store.unfinished_deliveries(i64::MAX, 10).await.unwrap(), [], "no delivery is pending");
    let dead = store.deliveries(workspace_id, Some(DeliveryOutcome::DeadLetter), 10, 0).await.unwrap();
    assert_eq!(dead.0, [], "no delivery is a dead letter");
}

/// The members of a JSON list.
pub fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn lines(texts: &[String]) -> Vec<&str> {
    texts.iter().flat_map(|text| text.lines()).collect()
}
