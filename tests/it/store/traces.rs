//! Traces of turns: written over while a turn goes on, found by its messages, summed over a conversation.

use serde_json::json;
use switchboard::domain::traces::TracedCall;
use switchboard::store::traces::NewTrace;

use crate::support::databases::on_both_databases;

fn trace(workspace_id: &str, job_id: &str, cost: Option<(i64, String)>) -> NewTrace {
    NewTrace {
        job_id: job_id.to_owned(),
        workspace_id: workspace_id.to_owned(),
        conversation_id: "c1".to_owned(),
        agent_id: "a1".to_owned(),
        model: "m".to_owned(),
        input_tokens: 100,
        output_tokens: 10,
        cost,
        duration_ms: 5,
        ..NewTrace::default()
    }
}

on_both_databases! {
    async fn a_turn_is_found_by_its_messages_in_its_workspace_alone(store: TestStore) {
        let home = store.workspace.id.as_str();
        let call = TracedCall {
            round: 0, tool: "t".into(), arguments: json!({"a": 1}), result: json!("r"), ms: 3, error: None,
        };
        let begun = NewTrace { journal: Some("{}".to_owned()), ..trace(home, "j1", None) };
        store.put_trace(&begun).await.unwrap();
        assert_eq!(store.turn_journal(home, "j1").await.unwrap().as_deref(), Some("{}"));
        assert_eq!(store.turn_journal("another", "j1").await.unwrap(), None);
        let ended = NewTrace { calls: vec![call.clone()], error: Some("X".into()), ..begun };
        store.put_trace(&ended).await.unwrap();
        store.close_journal(home, "j1").await.unwrap();
        assert_eq!(store.turn_journal(home, "j1").await.unwrap(), None);
        let (one, two) = (store.clock().id(), store.clock().id());
        store.link_trace(home, "j1", &[one.clone(), two.clone()]).await.unwrap();
        for message in [&one, &two] {
            let found = store.trace_of_message(home, "c1", message).await.unwrap().unwrap();
            assert_eq!((found.turn_id.as_str(), &found.calls[0], found.error.as_deref()), ("j1", &call, Some("X")));
        }
        assert_eq!(store.trace_of_message("another", "c1", &one).await.unwrap(), None);
        assert_eq!(store.trace_of_message(home, "c2", &one).await.unwrap(), None);
        assert_eq!(store.trace_of_message(home, "c1", &store.clock().id()).await.unwrap(), None);
        assert_eq!(store.trace_of_turn(home, "j1").await.unwrap().unwrap().usage.input_tokens, 100);
    }

    async fn a_conversation_sums_up_its_turns(store: TestStore) {
        let home = store.workspace.id.as_str();
        assert_eq!(store.spending(home, "c1").await.unwrap().cost, None);
        let dollars = |micros| Some((micros, "USD".to_owned()));
        for (job, cost) in [("j1", dollars(1_500_000)), ("j2", dollars(500)), ("j3", None)] {
            store.put_trace(&trace(home, job, cost)).await.unwrap();
        }
        let spent = store.spending(home, "c1").await.unwrap();
        let cost = spent.cost.unwrap();
        assert_eq!((spent.input_tokens, spent.output_tokens, cost.currency.as_str()), (300, 30, "USD"));
        assert!((cost.amount - 1.5005).abs() < 1e-9);
        assert_eq!(store.spending("another", "c1").await.unwrap().input_tokens, 0);
        assert_eq!(store.turns_since(home, "c1", 0).await.unwrap(), 3);
        assert_eq!(store.turns_since(home, "c1", store.clock().now() + 1_000).await.unwrap(), 0);
    }
}
