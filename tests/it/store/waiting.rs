//! What waits for the window, and what is said again elsewhere: kept with the conversation, and decided once.

use switchboard::domain::changes::{Change, Idempotency, Progress, Refusal};
use switchboard::domain::conversations::{
    Amendment, Conversation, ConversationStatus, Owner, Post, Posted, Situation, amend, post, receive,
};
use switchboard::domain::jobs::Work;
use switchboard::domain::messages::{Author, AuthorKind, Message, Status, Unconfirmed};
use switchboard::domain::windows::SAFETY_MARGIN_MS;
use switchboard::store::conversations::Which;
use switchboard_channels::contract::capabilities::WindowRule;
use switchboard_channels::contract::content::Content;
use switchboard_channels::contract::inbound::Event;

use crate::support::databases::{TestStore, channel, on_both_databases};
use crate::support::people::{meet, nothing, progress, say, text};

const DAY: i64 = 24 * 60 * 60 * 1_000;
const RULE: WindowRule = WindowRule::SinceLastInbound { length_ms: DAY, human_length_ms: None };

/// What is decided on something that a program says while the window is closed.
fn hold(store: &TestStore, state: &Conversation, words: &str) -> Posted {
    decide(store, state, words, None, None, RULE)
}

fn decide(
    store: &TestStore,
    state: &Conversation,
    words: &str,
    fallback_after: Option<i64>,
    replaces: Option<Unconfirmed>,
    rule: WindowRule,
) -> Posted {
    let new_id = || store.id();
    let situation = Situation { now: store.clock().now(), rule, nameless: false, quiet_ms: 0, new_id: &new_id };
    let said = Post {
        author: Author { kind: AuthorKind::System, id: None, name: None },
        pieces: vec![Content::text(words).into()],
        reply_to: None,
        reply_to_provider: None,
        to: &[],
        holds: true,
        fallback_after,
        replaces,
    };
    post(state, said, &situation).unwrap()
}

/// What is decided when the person writes now.
fn written(store: &TestStore, state: &Conversation, id: &str) -> switchboard::domain::conversations::Received {
    let mut event = text(id, "491", "I am back");
    if let Event::Message(message) = &mut event {
        message.at = None;
    }
    let new_id = || store.id();
    let situation = Situation { now: store.clock().now(), rule: RULE, nameless: false, quiet_ms: 0, new_id: &new_id };
    receive(state, &[event], &situation)
}

fn withdraw(conversation: &Conversation, message_id: &str, now: i64) -> Option<Posted> {
    amend(conversation, &Amendment::Withdraw(message_id.to_owned()), now)
}

async fn stored(store: &TestStore, id: &str) -> Message {
    store.message(&store.workspace.id, id).await.unwrap().unwrap().message
}

async fn state(store: &TestStore, id: &str) -> Conversation {
    store.activate(id).await.unwrap().unwrap().state
}

on_both_databases! {
    async fn what_is_held_leaves_with_the_news_that_open_the_window(store: TestStore) {
        let mut conversation = meet(&store, &store.channel, "491").await;
        let mut ids = Vec::new();
        for words in ["one", "two", "three"] {
            let posted = hold(&store, &conversation, words);
            ids.push(posted.change.messages[0].message.id.clone());
            store.commit(posted.change).await.unwrap();
            conversation = posted.next;
        }
        assert_eq!(state(&store, &conversation.id).await, conversation);
        assert_eq!(conversation.held, ids);
        assert!(stored(&store, &ids[0]).await.held);

        let taken = withdraw(&conversation, &ids[1], store.clock().now()).unwrap();
        store.commit(taken.change).await.unwrap();
        conversation = taken.next;
        let gone = stored(&store, &ids[1]).await;
        assert_eq!((gone.held, gone.status, gone.error.unwrap().code.as_str()), (false, Status::Failed, "WITHDRAWN"));
        assert!(withdraw(&conversation, &ids[1], 0).is_none());

        // Who decided on what was before the news decides again.
        let late = hold(&store, &conversation, "late");
        let too_late = withdraw(&conversation, &ids[0], 0).unwrap();
        store.fed();
        let received = written(&store, &conversation, "wamid.back");
        store.commit(received.change).await.unwrap();
        for change in [late.change, too_late.change] {
            assert!(matches!(store.commit(change).await, Err(Refusal::Stale)));
        }
        assert_eq!(state(&store, &conversation.id).await, received.next);
        assert_eq!(received.next.held, [] as [String; 0]);
        for id in [&ids[0], &ids[2]] {
            let message = stored(&store, id).await;
            assert_eq!((message.held, message.status), (false, Status::Queued));
        }
        let sends: Vec<String> = store
            .fed()
            .into_iter()
            .filter_map(|job| if let Work::Send { message_id, .. } = job.work { Some(message_id) } else { None })
            .collect();
        assert_eq!(sends, [ids[0].clone(), ids[2].clone()], "in order");
    }

    async fn what_is_closed_is_kept_so_until_somebody_opens_it(store: TestStore) {
        let mut conversation = meet(&store, &store.channel, "491").await;
        let begun = conversation.standing.opened_at;
        let which = |status| Which { status: Some(status), ..Which::default() };
        let of_ann = Owner::Human { id: Some("u1".to_owned()), name: Some("Ann".to_owned()) };
        let hers = Which { owner: Some(Owner::Human { id: Some("u1".to_owned()), name: None }), ..Which::default() };
        let anybodys = Which { owner: Some(Owner::anybody()), ..Which::default() };
        let another = Which { owner: Some(Owner::Human { id: Some("u2".to_owned()), name: None }), ..Which::default() };
        for (amendment, at, open, closed, human) in [
            (Amendment::Assign(of_ann.clone()), begun + 1, 1, 0, 1),
            (Amendment::Close, begun + 2, 0, 1, 0),
            (Amendment::Assign(of_ann), begun + 3, 1, 0, 1),
            (Amendment::Close, begun + 4, 0, 1, 0),
            (Amendment::Reopen, begun + 5, 1, 0, 0),
        ] {
            let posted = amend(&conversation, &amendment, at).unwrap();
            store.commit(posted.change).await.unwrap();
            conversation = posted.next;
            assert_eq!(state(&store, &conversation.id).await, conversation, "{amendment:?}");
            for (which, expected) in [
                (which(ConversationStatus::Open), open), (which(ConversationStatus::Closed), closed),
                (hers.clone(), human), (anybodys.clone(), human), (another.clone(), 0),
            ] {
                let (listed, total) = store.conversations(&store.workspace.id, &which, 10, 0).await.unwrap();
                assert_eq!((listed.len(), total), (expected, i64::try_from(expected).unwrap()), "{which:?}");
                let of = store.conversations_of(&store.workspace.id, &conversation.contact_id, &which, 10, 0).await;
                assert_eq!(of.unwrap().0.len(), expected, "{which:?}");
            }
        }
        assert_eq!(conversation.standing.opened_at, begun + 5);
        assert!(amend(&conversation, &Amendment::Reopen, begun + 6).is_none());
        let events = store.events(&store.workspace.id, 0, 100).await.unwrap();
        let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
        let (assigned, closed, opened) = ("conversation.assigned", "conversation.closed", "conversation.opened");
        let expected = [assigned, assigned, closed, opened, assigned, assigned, closed, opened];
        assert_eq!(kinds[kinds.len() - expected.len()..], expected);
    }

    async fn that_a_window_has_closed_is_told_once_for_each(store: TestStore) {
        let conversation = meet(&store, &store.channel, "491").await;
        let received = written(&store, &conversation, "wamid.back");
        store.commit(received.change).await.unwrap();
        let end = received.next.window_expires_at.unwrap();
        let due = async |before| store.windows_to_tell(before, 10).await.unwrap();
        assert!(due(end - 1).await.is_empty());
        assert_eq!(due(end).await, std::slice::from_ref(&conversation.id));
        let now = end - SAFETY_MARGIN_MS;
        assert!(amend(&received.next, &Amendment::TellWindow, now - 1).is_none(), "it is open still");
        let told = amend(&received.next, &Amendment::TellWindow, now).unwrap();
        store.commit(told.change).await.unwrap();
        assert!(amend(&told.next, &Amendment::TellWindow, now).is_none());
        assert!(due(end).await.is_empty());
        // The next window is told of, too.
        store.clock().advance(1);
        let again = written(&store, &told.next, "wamid.again");
        store.commit(again.change).await.unwrap();
        assert_eq!(due(again.next.window_expires_at.unwrap()).await, [conversation.id]);
    }

    async fn what_has_left_meanwhile_is_not_called_back(store: TestStore) {
        let here = meet(&store, &store.channel, "491").await;
        let (here, first) = say(&store, &here, "Hurry!").await;
        let sent = progress(&store.channel, &first.id, Status::Sent);
        let recall = Progress { provider_id: None, ..progress(&store.channel, &first.id, Status::Failed) };
        let since = i64::try_from(store.events(&store.workspace.id, 0, 100).await.unwrap().len()).unwrap();
        // In one change or one after the other.
        let both = Change { progress: vec![sent], recalls: vec![recall.clone()], ..nothing(&store.channel) };
        store.commit(both).await.unwrap();
        store.commit(Change { recalls: vec![recall.clone()], ..nothing(&store.channel) }).await.unwrap();
        assert_eq!(stored(&store, &first.id).await.status, Status::Sent);
        let (_, second) = say(&store, &here, "Hurry!").await;
        let other = Progress { message_id: second.id.clone(), ..recall };
        store.commit(Change { recalls: vec![other], ..nothing(&store.channel) }).await.unwrap();
        assert_eq!(stored(&store, &second.id).await.status, Status::Failed);
        let events = store.events(&store.workspace.id, since, 100).await.unwrap();
        let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(kinds, ["message.sent", "message.queued", "message.failed"]);
    }

    async fn a_message_is_said_elsewhere_once(store: TestStore) {
        let here = meet(&store, &store.channel, "491").await;
        let there = meet(&store, &channel(&store, &store.workspace, None, "200").await, "492").await;
        let posted = decide(&store, &here, "Hurry!", Some(60), None, WindowRule::None);
        let first = posted.change.messages[0].message.clone();
        store.fed();
        store.commit(posted.change).await.unwrap();
        let jobs = store.fed();
        let of = |kind: &str| jobs.iter().find(|job| job.work.kind() == kind).unwrap();
        let lane = of("send").lane.clone();
        let find = || store.send_job(&store.workspace.id, &lane, &first.id);
        assert_eq!(find().await.unwrap(), Some(of("send").id.clone()));
        assert_eq!(of("fallback").run_at, first.created_at + 60_000);

        let unconfirmed = |job: &str| Unconfirmed {
            message_id: first.id.clone(),
            conversation_id: here.id.clone(),
            channel_id: here.channel_id.clone(),
            recalled: true,
            send_job: Some(of("send").id.clone()),
            job: job.to_owned(),
        };
        let again = |state: &Conversation, job: &str| {
            let mut posted = decide(&store, state, "Hurry!", None, Some(unconfirmed(job)), WindowRule::None);
            posted.change.idempotency = Some(Idempotency {
                key: format!("fallback of {}", first.id),
                request_hash: first.id.clone(),
                result_id: posted.change.messages[0].message.id.clone(),
            });
            posted
        };
        // Who does not hold the job says nothing.
        assert!(matches!(store.commit(again(&there, "nobody").change).await, Err(Refusal::Fenced)));
        assert_eq!(stored(&store, &first.id).await.replaced_by, None);
        let second = again(&there, &of("fallback").id);
        store.commit(second.change.clone()).await.unwrap();
        let id = second.change.messages[0].message.id.clone();
        let shown = stored(&store, &first.id).await;
        assert_eq!((shown.status, shown.replaced_by.as_deref()), (Status::Failed, Some(id.as_str())));
        assert_eq!(shown.error.unwrap().code, "SUPERSEDED");
        assert_eq!((shown.fallback_after, find().await.unwrap()), (Some(60), None));
        assert_eq!(stored(&store, &id).await.fallback_of, Some(first.id.clone()));
        // Another job for the same message, as a failure gives birth to one, comes too late.
        let mut third = again(&second.next, "");
        third.change.finishes = None;
        assert!(matches!(store.commit(third.change.clone()).await, Err(Refusal::Repeated(_))));
        third.change.idempotency = None;
        assert!(store.commit(third.change).await.is_err(), "no message is said again twice");
    }
}
