//! Usage: counted with its cause or not at all, never twice, and never beyond what a month may have.

use std::collections::BTreeMap;

use switchboard::domain::changes::Refusal;
use switchboard::domain::jobs::Embeddable;
use switchboard::domain::usage::{Month, Spent, Usage, UsageBy, day_of};
use switchboard::store::embeddings::Unembedded;
use switchboard::store::traces::NewTrace;

use crate::support::databases::{TestStore, on_both_databases};
use crate::support::people::{decide, embedding, hear, meet, say, text};

/// All days.
const EVER: (i64, i64) = (0, 1_000_000);

async fn by(store: &TestStore, by: UsageBy) -> BTreeMap<String, Usage> {
    store.usage(&store.workspace.id, EVER.0, EVER.1, by).await.unwrap()
}

fn spent(model: &str, hosted: bool, tokens: i64, cost_micros: i64) -> Spent {
    let (model, currency) = (model.to_owned(), "USD".to_owned());
    Spent { model, hosted, input_tokens: tokens, output_tokens: 1, cost_micros, currency }
}

fn trace(store: &TestStore, conversation_id: &str, job_id: &str, spent: &[Spent]) -> NewTrace {
    NewTrace {
        job_id: job_id.to_owned(),
        workspace_id: store.workspace.id.clone(),
        conversation_id: conversation_id.to_owned(),
        agent_id: store.agent.id.clone(),
        model: spent.last().map(|spent| spent.model.clone()).unwrap_or_else(|| "m".to_owned()),
        input_tokens: spent.iter().map(|spent| spent.input_tokens).sum(),
        output_tokens: spent.iter().map(|spent| spent.output_tokens).sum(),
        spent: spent.to_vec(),
        ..NewTrace::default()
    }
}

on_both_databases! {
    async fn a_message_counts_with_its_commit_and_a_refused_one_does_not(store: TestStore) {
        let first = meet(&store, &store.channel, "491").await;
        let more = [text("wamid.2", "491", "two"), text("wamid.3", "491", "three")];
        let second = hear(&store, &first, &more).await.unwrap();
        say(&store, &second, "four").await;
        assert_eq!(hear(&store, &first, &[text("wamid.4", "491", "late")]).await.unwrap_err(), Refusal::Stale);
        let again = decide(&store, &second, &[text("wamid.3", "491", "three")]).change;
        assert!(matches!(store.commit(again).await, Err(Refusal::Stale | Refusal::Duplicate(_))));

        let used = Usage { messages_in: 3, messages_out: 1, ..Usage::default() };
        let today = day_of(store.clock().now()).to_string();
        for (place, told) in [
            (today, by(&store, UsageBy::Day).await),
            (store.agent.id.clone(), by(&store, UsageBy::Agent).await),
            (store.channel.id.clone(), by(&store, UsageBy::Channel).await),
            (String::new(), by(&store, UsageBy::Model).await),
        ] {
            assert_eq!(told, BTreeMap::from([(place, used.clone())]));
        }
        assert_eq!(store.usage("another", EVER.0, EVER.1, UsageBy::Day).await.unwrap(), BTreeMap::new());
        let month = Month::of(store.clock().now());
        assert_eq!(store.consumption(&store.workspace.id, month).await.unwrap().messages, 4);
        let last = Month::of_day(month.first - 1);
        assert_eq!(store.consumption(&store.workspace.id, last).await.unwrap().messages, 0);
    }

    async fn a_month_has_no_more_messages_than_it_may(store: TestStore) {
        let tasks = (0..40).map(|number| {
            let person = format!("49{number}");
            let unwritten = crate::support::people::unwritten(&store, &store.channel);
            let mut change = decide(&store, &unwritten, &[text(&format!("wamid.{number}"), &person, "hello")]).change;
            change.most_messages = Some(10);
            let store = (**store).clone();
            tokio::spawn(async move { store.commit(change).await })
        });
        let mut stored = 0;
        for task in tasks.collect::<Vec<_>>() {
            match task.await.unwrap() {
                Ok(_) => stored += 1,
                Err(refusal) => assert_eq!(refusal, Refusal::UsedUp(10)),
            }
        }
        assert_eq!(stored, 10);
        // What has no limit is stored, and counts.
        meet(&store, &store.channel, "500").await;
        let used = store.consumption(&store.workspace.id, Month::of(store.clock().now())).await.unwrap();
        assert_eq!((used.messages, used.tokens), (11, 0));
    }

    async fn a_turn_counts_once_however_often_it_is_written(store: TestStore) {
        let conversation = meet(&store, &store.channel, "491").await;
        let write = async |job: &str, spent: &[Spent]| {
            store.put_trace(&trace(&store, &conversation.id, job, spent)).await.unwrap();
        };
        let (hosted, own) = (spent("a", true, 100, 7), spent("b", false, 10, 5));
        write("j1", std::slice::from_ref(&hosted)).await;
        write("j1", &[hosted.clone(), own.clone()]).await;
        write("j1", &[hosted.clone(), own.clone()]).await;
        write("j2", &[]).await;
        let told = by(&store, UsageBy::Model).await;
        let of = |model: &str| told[model].clone();
        assert_eq!((of("a").turns, of("a").input_tokens, of("a").hosted_tokens), (1, 100, 101));
        assert_eq!((of("b").turns, of("b").input_tokens, of("b").hosted_tokens), (0, 10, 0));
        assert_eq!((of("m").turns, &of("b").costs), (1, &BTreeMap::from([("USD".to_owned(), 5)])));
        let channels = by(&store, UsageBy::Channel).await;
        let channel = &channels[&store.channel.id];
        assert_eq!((channels.len(), channel.turns, channel.messages_in, channel.output_tokens), (1, 2, 1, 2));

        // A turn that runs anew, tomorrow and with less, stands in the usage as it stands in its trace: where it began.
        store.clock().advance(24 * 60 * 60 * 1_000);
        write("j1", &[spent("a", true, 60, 4)]).await;
        let days = by(&store, UsageBy::Day).await;
        assert_eq!(days.len(), 1);
        let sum = days.values().next().unwrap();
        assert_eq!((sum.turns, sum.input_tokens, sum.output_tokens, sum.hosted_tokens), (2, 60, 1, 61));
        assert_eq!(sum.costs, BTreeMap::from([("USD".to_owned(), 4)]));
        // The id of another workspace's turn changes nothing.
        let mut foreign = trace(&store, &conversation.id, "j1", &[spent("a", true, 999, 9)]);
        foreign.workspace_id = crate::support::databases::workspace(&store, "stranger").await.id;
        store.put_trace(&foreign).await.unwrap();
        assert_eq!(by(&store, UsageBy::Day).await, days);
    }

    async fn turns_that_are_written_at_once_count_once_each(store: TestStore) {
        let conversation = meet(&store, &store.channel, "491").await;
        let tasks = (0..30).map(|number| {
            let trace = trace(&store, &conversation.id, &format!("j{}", number % 3), &[spent("a", true, 10, 1)]);
            let store = (**store).clone();
            tokio::spawn(async move { store.put_trace(&trace).await })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap().unwrap();
        }
        let used = &by(&store, UsageBy::Model).await["a"];
        assert_eq!((used.turns, used.input_tokens, used.hosted_tokens), (3, 30, 33));
    }

    async fn what_was_there_before_is_counted_by_the_migration(store: TestStore) {
        let conversation = meet(&store, &store.channel, "491").await;
        say(&store, &conversation, "two").await;
        let mut turn = trace(&store, &conversation.id, "j1", &[spent("a", false, 100, 7)]);
        turn.cost = Some((7, "USD".to_owned()));
        store.put_trace(&turn).await.unwrap();
        let before = by(&store, UsageBy::Day).await;
        store.run("DELETE FROM usage_days").await;
        let migration = include_str!("../../../migrations/sqlite/0012_usage.sql");
        for statement in migration.split(';').filter(|statement| statement.contains("INSERT INTO usage_days")) {
            store.run(statement).await;
        }
        assert_eq!(by(&store, UsageBy::Day).await, before);
        assert_eq!(by(&store, UsageBy::Model).await["a"].turns, 1);
        assert_eq!(by(&store, UsageBy::Agent).await.keys().collect::<Vec<_>>(), [&store.agent.id]);
    }

    async fn what_is_embedded_counts_with_its_vectors(store: TestStore) {
        let home = store.workspace.id.clone();
        let text = |agent_id: &str| {
            let (id, text) = (store.id(), "gone".to_owned());
            (Unembedded { id, agent_id: agent_id.to_owned(), text }, vec![1.0])
        };
        // A text that is gone meanwhile was paid for all the same.
        for (embedded, tokens) in [(vec![text(&store.agent.id), text(&store.agent.id)], 7), (vec![text("")], 3), (vec![], 0)] {
            let put = store.put_embeddings(&home, Embeddable::Memory, &embedded, &embedding("m", tokens)).await.unwrap();
            assert_eq!(put, 0);
        }
        store.count_question(&home, &store.agent.id, &embedding("m", 5)).await.unwrap();
        store.count_question(&home, "", &Spent { hosted: false, ..embedding("local", 11) }).await.unwrap();
        let tokens = async |by: UsageBy| {
            let told = store.usage(&home, EVER.0, EVER.1, by).await.unwrap();
            told.into_iter().map(|(place, used)| (place, used.input_tokens, used.hosted_tokens, used.turns)).collect::<Vec<_>>()
        };
        let named = |name: &str, all: i64, hosted: i64| (name.to_owned(), all, hosted, 0);
        assert_eq!(tokens(UsageBy::Model).await, [named("local", 11, 0), named("m", 15, 15)]);
        assert_eq!(tokens(UsageBy::Agent).await, [named("", 14, 3), named(&store.agent.id, 12, 12)]);
        assert_eq!(store.consumption(&home, Month::of(store.clock().now())).await.unwrap().tokens, 15);
        assert_eq!(by(&store, UsageBy::Model).await["m"].costs, BTreeMap::from([("USD".to_owned(), 30)]));
    }
}
