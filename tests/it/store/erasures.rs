//! Erasing a person: nothing that names them is left in any text of any table, nobody else loses anything, and what a
//! vendor delivers again stays away.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;
use switchboard::domain::changes::{AttachmentChange, Change, Idempotency, NewExchange, Refusal};
use switchboard::domain::contacts::Particulars;
use switchboard::domain::conversations::Conversation;
use switchboard::domain::deliveries::{DeliveryOutcome, RawDelivery};
use switchboard::domain::erasures::ErasureState;
use switchboard::domain::files::File;
use switchboard::domain::follow_ups::FollowUp;
use switchboard::domain::jobs::Embeddable;
use switchboard::domain::leads::{Lead, LeadDetails, LeadStatus};
use switchboard::domain::memories::Memory;
use switchboard::domain::messages::{Attachment, AttachmentState};
use switchboard::domain::tasks::{Source, Task};
use switchboard::domain::traces::TracedCall;
use switchboard::domain::webhooks::{Cause, Endpoint, EndpointState, Outcome};
use switchboard::store::erasures::Step;
use switchboard::store::idempotency::Unwritten;
use switchboard::store::merges::By;
use switchboard::store::remembered::Taken;
use switchboard::store::suppressions::Suppression;
use switchboard::store::tables::{Holds, TABLES};
use switchboard::store::traces::NewTrace;
use switchboard::store::webhooks::{AttemptEnd, NewAttempt, NewDelivery};

use crate::support::databases::{TestStore, on_both_databases, workspace};
use crate::support::people::{delivery, hear, identities, nothing, put_vector, revision, say, text, unwritten};
use crate::support::schema::{tables, texts_with};

/// What a person wrote, and what was written and kept about them; every text has the mark in it.
async fn leave_traces(store: &TestStore, mark: &str, phone: &str) -> Conversation {
    let home = store.workspace.id.as_str();
    let new = unwritten(store, &store.channel);
    let event = text(&format!("wamid.{mark}.1"), phone, &format!("I am {mark}"));
    let conversation = hear(store, &new, &[event]).await.unwrap();
    let (conversation, message) = say(store, &conversation, &format!("Hello {mark}")).await;
    let contact = conversation.contact_id.clone();
    let said = Particulars {
        name: Some(Some(mark.to_owned())),
        email: Some(Some(format!("{mark}@example.com"))),
        external_id: Some(Some(format!("id of {mark}"))),
        attributes: serde_json::from_value(json!({ "likes": mark })).unwrap(),
        tags: Some(vec![mark.to_owned()]),
        ..Particulars::default()
    };
    store.change_contact(home, &contact, &said).await.unwrap();
    let other = store.id();
    let named = Particulars { name: Some(Some(format!("also {mark}"))), ..Particulars::default() };
    store.add_contact(home, &other, &named, None).await.unwrap();
    store.merge_contacts(home, &contact, &other, &format!("both are {mark}"), By::Hand).await.unwrap();
    keep_beside(store, mark, phone, &conversation, &message.id).await;
    keep_about(store, mark, phone, &conversation).await;
    conversation
}

/// What hangs on their messages.
async fn keep_beside(store: &TestStore, mark: &str, phone: &str, conversation: &Conversation, message_id: &str) {
    let home = store.workspace.id.as_str();
    let body = format!(r#"{{"from":"{phone}","text":"I am {mark}"}}"#);
    let raw = Arc::new(RawDelivery { body, envelope: None });
    let kept = |outcome| Change {
        delivery: Some(switchboard::domain::changes::NewDelivery {
            raw: Arc::clone(&raw),
            detail: Some(json!({ "failures": [mark] })),
            ..delivery(store, &store.channel, outcome)
        }),
        ..nothing(&store.channel)
    };
    store.commit(kept(DeliveryOutcome::Stored)).await.unwrap();
    store.commit(kept(DeliveryOutcome::DeadLetter)).await.unwrap();
    let file = File {
        id: store.id(),
        sha256: format!("{:0>64}", phone),
        size: 3,
        mime_type: "image/png".to_owned(),
        filename: Some(format!("{mark}.png")),
    };
    let exchange = NewExchange {
        id: store.id(),
        message_id: message_id.to_owned(),
        at: 1,
        request: format!("POST to {mark}"),
        status: Some(200),
        response: mark.to_owned(),
        duration_ms: 5,
    };
    let edit = revision(&store.channel, &format!("edit.{mark}"), &format!("wamid.{mark}.1"), Some(mark), 5);
    let early = revision(&store.channel, &format!("early.{mark}"), phone, Some(mark), 5);
    let change = Change {
        attachments: vec![AttachmentChange {
            message_id: message_id.to_owned(),
            index: 0,
            attachment: Attachment {
                id: Some(file.id.clone()),
                kind: "image".to_owned(),
                state: AttachmentState::Stored,
                mime_type: None,
                filename: file.filename.clone(),
                size: None,
                url: None,
                error: None,
            },
            file: Some(file),
        }],
        exchange: Some(exchange),
        revisions: vec![edit, early],
        ..nothing(&store.channel)
    };
    store.commit(change).await.unwrap();
    let call =
        TracedCall { round: 0, tool: "t".into(), arguments: json!(mark), result: json!(mark), ms: 3, error: None };
    let trace = NewTrace {
        job_id: store.id(),
        workspace_id: home.to_owned(),
        conversation_id: conversation.id.clone(),
        agent_id: store.agent.id.clone(),
        calls: vec![call],
        journal: Some(mark.to_owned()),
        ..NewTrace::default()
    };
    store.put_trace(&trace).await.unwrap();
    store.await_mail(home, &store.channel.id, &format!("<{mark}@mail>"), &conversation.id).await.unwrap();
    let why = Suppression { code: "OPTED_OUT".to_owned(), reason: format!("{mark} said stop") };
    store.suppress(home, &store.channel.id, &identities(phone)[1], &why).await.unwrap();
    let job = store.fed().pop().unwrap();
    store.bury_job(&job.id, 1, &format!("no answer from {mark}")).await.unwrap();
}

/// What somebody noted about them.
async fn keep_about(store: &TestStore, mark: &str, phone: &str, conversation: &Conversation) {
    let (home, now) = (store.workspace.id.as_str(), store.clock().now());
    let contact_id = Some(conversation.contact_id.clone());
    let memory = Memory {
        text: format!("{mark} likes tea"),
        contact_id: contact_id.clone(),
        ..Memory::blank(store.id(), Source::Api, now)
    };
    store.add_memory(home, &memory, None, false).await.unwrap();
    let place = (memory.id.as_str(), memory.text.as_str());
    assert!(put_vector(store, home, Embeddable::Memory, place, &[0.6, 0.8]).await);
    let task = Task {
        title: format!("Call {mark}"),
        contact_id: contact_id.clone(),
        remind_at: Some(now + 60_000),
        ..Task::blank(store.id(), Source::Api, now)
    };
    store.add_item(home, &task, None).await.unwrap();
    let follow_up = FollowUp {
        note: format!("Ask {mark}"),
        conversation_id: Some(conversation.id.clone()),
        due_at: now + 60_000,
        ..FollowUp::blank(store.id(), Source::Api, now)
    };
    store.add_item(home, &follow_up, None).await.unwrap();
    let details = LeadDetails {
        contact_name: Some(mark.to_owned()),
        contact_phone: Some(format!("+{phone}")),
        notes: Some(format!("{mark} wants more")),
        ..LeadDetails::default()
    };
    let lead = Lead {
        id: store.id(),
        agent_id: None,
        contact_id: None,
        conversation_id: None,
        session_id: None,
        details,
        source: "api".to_owned(),
        status: LeadStatus::New,
        created_at: now,
        updated_at: now,
    };
    let key = Idempotency { key: format!("lead-{mark}"), request_hash: "h".into(), result_id: lead.id.clone() };
    store.add_lead(home, &lead, None, Some(&key)).await.unwrap();
    while store.remember_messages(home).await.unwrap() != Taken::All {}
}

/// An endpoint that was told of everything so far, and answered with what it heard.
async fn tell_all(store: &TestStore) {
    let home = store.workspace.id.clone();
    let now = store.clock().now();
    let mut endpoint = Endpoint {
        id: store.id(),
        workspace_id: home.clone(),
        url: "https://example.com/hook".to_owned(),
        description: String::new(),
        events: Vec::new(),
        agent_id: None,
        secrets: Vec::new(),
        rate: 50,
        timeout_ms: 15_000,
        state: EndpointState::Active,
        disabled_reason: None,
        event_seq: 0,
        failures: 0,
        failing_since: None,
        paused_until: None,
        last_success_at: None,
        created_at: now,
        updated_at: now,
    };
    endpoint.event_seq = store.add_webhook_endpoint(&endpoint, None).await.unwrap();
    let events = store.events(&home, 0, 1_000).await.unwrap();
    let told = |event: &switchboard::store::events::StoredEvent| NewDelivery {
        id: store.id(),
        event_seq: Some(event.seq),
        event: event.kind.clone(),
        body: format!(r#"{{"event":"{}","data":{}}}"#, event.kind, event.data),
    };
    let deliveries: Vec<_> = events.iter().map(told).collect();
    store.redeliver_webhook_events(&endpoint, &deliveries, true).await.unwrap();
    for due in store.due_webhook_deliveries(&home, &endpoint.id, 1_000).await.unwrap() {
        let attempt = NewAttempt {
            id: store.id(),
            cause: Cause::Event,
            at: now,
            request: "POST".to_owned(),
            status: Some(200),
            response: due.body.clone(),
            error: None,
            duration_ms: 1,
        };
        let end = AttemptEnd { outcome: Outcome::Delivered, wish_ms: None, next_attempt_at: None, reason: None };
        store.settle_webhook_attempt(&endpoint, &due, &attempt, &end).await.unwrap();
    }
}

/// Runs an erasure to its end, each step as after a restart.
async fn run(store: &TestStore, id: &str) {
    let home = store.workspace.id.as_str();
    loop {
        let mut running = store.running_erasure(home, id).await.unwrap().unwrap();
        match (running.step, running.pass) {
            (Step::Bytes, 1) => store.erase_again(&mut running).await.unwrap(),
            (Step::Bytes, _) => {
                for (sha256, is_named) in store.dropped_files(100).await.unwrap() {
                    assert!(!is_named);
                    store.settle_dropped_file(&sha256).await.unwrap();
                }
                return store.finish_erasure(&running).await.unwrap();
            }
            _ => store.erase_on(&mut running).await.unwrap(),
        }
    }
}

async fn left(store: &TestStore, mark: &str, phone: &str) -> Vec<(String, String, String)> {
    texts_with(store.url(), &[mark, phone]).await
}

on_both_databases! {
    async fn every_table_is_in_the_catalogue(store: TestStore) {
        let listed: BTreeSet<String> = TABLES.iter().map(|table| table.name.to_owned()).collect();
        assert_eq!(listed.len(), TABLES.len(), "a table is listed twice");
        let known: BTreeSet<String> = tables(store.url()).await.into_iter().collect();
        // The index over messages and passages is a table of its own on one of the two only.
        let index = |name: &&String| !["passages_index", "remembered_index"].contains(&name.as_str());
        let (listed, known): (BTreeSet<_>, BTreeSet<_>) =
            (listed.iter().filter(index).collect(), known.iter().filter(index).collect());
        assert_eq!(known, listed, "say in src/store/tables.rs and in docs/privacy.md what each table holds of people");
        let page = include_str!("../../../docs/privacy.md");
        for table in TABLES.iter().filter(|table| table.holds != Holds::Nothing) {
            assert!(page.contains(&format!("| `{}` |", table.name)), "docs/privacy.md does not tell of {}", table.name);
        }
    }

    async fn nothing_that_names_a_person_is_left(store: TestStore) {
        let home = store.workspace.id.clone();
        let person = leave_traces(&store, "zanzibar", "4917055512345").await;
        leave_traces(&store, "quillfoot", "4917055599999").await;
        tell_all(&store).await;
        let before = left(&store, "quillfoot", "4917055599999").await.len();
        let marked: BTreeSet<String> =
            left(&store, "zanzibar", "4917055512345").await.into_iter().map(|(table, _, _)| table).collect();
        let own = TABLES.iter().filter(|table| matches!(table.holds, Holds::Rows { .. } | Holds::Texts));
        for table in own.filter(|table| table.name != "conversations") {
            assert!(marked.contains(table.name), "the test leaves nothing in {}", table.name);
        }
        let events = store.events(&home, 0, 10_000).await.unwrap().len();

        let begun = store.begin_erasure(&home, &person.contact_id, "key:1", None).await.unwrap();
        let again = store.begin_erasure(&home, &person.contact_id, "key:2", None).await.unwrap();
        assert_eq!(begun, again, "while one is under way there is no other");
        run(&store, &begun).await;
        assert_eq!(left(&store, "zanzibar", "4917055512345").await, []);
        assert_eq!(left(&store, "quillfoot", "4917055599999").await.len(), before, "nobody else loses anything");

        let receipt = store.erasure(&home, &begun).await.unwrap().unwrap();
        assert_eq!((receipt.state, receipt.requested_by.as_str()), (ErasureState::Done, "key:1"));
        assert_eq!((receipt.erased["messages"], receipt.erased["contacts"], receipt.erased["leads"]), (2, 2, 1));
        assert_eq!(store.erasures(&home, 10, 0).await.unwrap(), (vec![receipt], 1));
        assert!(store.running_erasure(&home, &begun).await.unwrap().is_none());
        let kept = store.events(&home, 0, 10_000).await.unwrap();
        assert_eq!(kept.len(), events + 1, "the sequence has no gap, and tells of the end");
        assert_eq!(kept.last().unwrap().kind, "contact.deleted");
        let found = store.recall(&home, "zanzibar", None).await.unwrap();
        assert!(found.is_empty(), "{found:?}");
        let gone = store.begin_erasure(&home, &person.contact_id, "key:1", None).await;
        assert!(matches!(gone, Err(Unwritten::Unknown)));
    }

    async fn what_is_delivered_again_stays_erased(store: TestStore) {
        let home = store.workspace.id.clone();
        let person = leave_traces(&store, "zanzibar", "4917055512345").await;
        let begun = store.begin_erasure(&home, &person.contact_id, "key:1", None).await.unwrap();
        run(&store, &begun).await;
        let again = text("wamid.zanzibar.1", "4917055512345", "I am zanzibar");
        let new = unwritten(&store, &store.channel);
        let refused = hear(&store, &new, std::slice::from_ref(&again)).await.unwrap_err();
        assert_eq!(refused, Refusal::Erased(vec!["wamid.zanzibar.1".to_owned()]));
        let edit = revision(&store.channel, "edit.2", "wamid.zanzibar.1", Some("zanzibar"), 9);
        let refused = store.commit(Change { revisions: vec![edit], ..nothing(&store.channel) }).await.unwrap_err();
        assert_eq!(refused, Refusal::Erased(vec!["wamid.zanzibar.1".to_owned()]));
        // A way that still leads to the old conversation ends, and whoever writes is somebody new.
        let old = Conversation { id: person.id.clone(), ..new.clone() };
        let news = [text("wamid.2", "4917055512345", "It is me")];
        assert_eq!(hear(&store, &old, &news).await.unwrap_err(), Refusal::Erased(vec![person.id.clone()]));
        let conversation = hear(&store, &new, &news).await.unwrap();
        assert_ne!(conversation.contact_id, person.contact_id);
        assert!(store.person(&home, &person.contact_id).await.unwrap().is_none());
    }

    async fn another_workspace_erases_and_exports_nothing(store: TestStore) {
        let away = workspace(&store, "stranger").await.id;
        let person = leave_traces(&store, "zanzibar", "4917055512345").await;
        let refused = store.begin_erasure(&away, &person.contact_id, "key:1", None).await;
        assert!(matches!(refused, Err(Unwritten::Unknown)));
        assert_eq!(store.subject(&away, &person.contact_id).await.unwrap(), None);
        let begun = store.begin_erasure(&store.workspace.id, &person.contact_id, "key:1", None).await.unwrap();
        assert!(store.erasure(&away, &begun).await.unwrap().is_none());
        assert!(store.running_erasure(&away, &begun).await.unwrap().is_none());
        assert_eq!(store.erasures(&away, 10, 0).await.unwrap(), (Vec::new(), 0));
        let subject = store.subject(&store.workspace.id, &person.contact_id).await.unwrap().unwrap();
        for table in TABLES {
            let held = store.held_rows(&away, &subject, table, "").await.unwrap();
            assert_eq!(held.rows.len(), 0, "{}", table.name);
        }
    }

    async fn an_export_has_everything(store: TestStore) {
        let home = store.workspace.id.clone();
        let person = leave_traces(&store, "zanzibar", "4917055512345").await;
        tell_all(&store).await;
        let subject = store.subject(&home, &person.contact_id).await.unwrap().unwrap();
        let search = store.search_for(&home, &subject).await.unwrap();
        for table in TABLES {
            let rows = match table.holds {
                Holds::Rows { .. } => store.held_rows(&home, &subject, table, "").await.unwrap().rows,
                Holds::Texts => store.held_texts(&home, &search, table.name, "").await.unwrap().rows,
                _ => continue,
            };
            let shown = json!(rows).to_string();
            let exported = !["idempotency_keys", "jobs", "webhook_attempts"].contains(&table.name);
            assert_eq!(shown.contains("zanzibar") || table.name == "identities" && shown.contains("4917055512345")
                || table.name == "conversations" && rows.len() == 1, exported, "{}: {shown}", table.name);
        }
    }
}
