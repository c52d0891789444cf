//! Contacts: one person behind many identities, merged without moving anything and parted again as they were.

use std::collections::BTreeSet;

use serde_json::json;
use switchboard::domain::changes::Idempotency;
use switchboard::domain::contacts::{MergeRules, Particulars};
use switchboard::store::contacts::{ContactRefusal, Key};
use switchboard::store::conversations::Which;
use switchboard::store::merges::{By, MergeRefusal};
use switchboard::store::messages::Span;
use switchboard::store::signing_in::{SignIn, SignedIn};
use switchboard_channels::contract::peer::{Identity, IdentityKind};

use crate::support::databases::{TestStore, channel, on_both_databases, workspace};
use crate::support::people::{hear, meet, text};

fn said(name: &str, phone: Option<&str>, email: Option<&str>) -> Particulars {
    Particulars {
        name: Some(Some(name.to_owned())),
        phone: phone.map(|phone| Some(phone.to_owned())),
        email: email.map(|email| Some(email.to_owned())),
        ..Particulars::default()
    }
}

async fn add(store: &TestStore, said: &Particulars) -> String {
    let id = store.id();
    store.add_contact(&store.workspace.id, &id, said, None).await.unwrap();
    id
}

fn visit(store: &TestStore, visitor: &str, user: &str) -> SignIn {
    SignIn {
        workspace_id: store.workspace.id.clone(),
        channel_id: store.channel.id.clone(),
        visitor_id: visitor.to_owned(),
        external_id: user.to_owned(),
        name: None,
        phone: None,
        email: None,
        evidence: format!("signed in as {user}"),
        rules: MergeRules::default(),
    }
}

async fn contact_of(store: &TestStore, visitor: &str) -> String {
    let identity = Identity::new(IdentityKind::Visitor, visitor);
    store.contact_with(&store.channel.id, &identity).await.unwrap().unwrap()
}

on_both_databases! {
    async fn a_person_is_a_tree_of_contacts_that_keep_their_own(store: TestStore) {
        let home = store.workspace.id.clone();
        let other = channel(&store, &store.workspace, None, "200").await;
        let (one, two) = (meet(&store, &store.channel, "491").await, meet(&store, &other, "492").await);
        let three = add(&store, &said("Jane", Some("+4930123456"), None)).await;
        let before = [
            store.person(&home, &one.contact_id).await.unwrap().unwrap(),
            store.person(&home, &two.contact_id).await.unwrap().unwrap(),
            store.person(&home, &three).await.unwrap().unwrap(),
        ];
        let first = store.merge_contacts(&home, &two.contact_id, &three, "she says so", By::Hand).await.unwrap();
        let second = store.merge_contacts(&home, &one.contact_id, &three, "she says so", By::Hand).await.unwrap();
        // The one to be merged is the person: the contact that stands for both.
        assert_eq!((second.kept_id.as_str(), second.merged_id.as_str()), (one.contact_id.as_str(), two.contact_id.as_str()));

        for id in [&one.contact_id, &two.contact_id, &three] {
            let person = store.person(&home, id).await.unwrap().unwrap();
            assert_eq!(person.id, one.contact_id);
            assert_eq!(person.phone.as_deref(), Some("+4930123456"));
            let merged: BTreeSet<_> = person.merged_ids.iter().collect();
            assert_eq!(merged, BTreeSet::from([&two.contact_id, &three]));
            let channels: BTreeSet<_> = person.identities.iter().map(|identity| identity.channel_id.as_str()).collect();
            assert_eq!(channels, BTreeSet::from([store.channel.id.as_str(), other.id.as_str()]));
            assert_eq!(person.identities.len(), 4);
        }
        assert_eq!(store.persons(&home, 10, 0).await.unwrap().1, 1);
        let (conversations, total) = store.conversations_of(&home, &one.contact_id, &Which::default(), 10, 0).await.unwrap();
        assert_eq!((conversations.len(), total), (2, 2));
        assert_eq!(store.conversations_of(&home, &one.contact_id, &Which { channel_id: Some(other.id.clone()), ..Which::default() }, 10, 0).await.unwrap().0, std::slice::from_ref(&two.id));
        let again = store.merge_contacts(&home, &three, &two.contact_id, "again", By::Hand).await;
        assert!(matches!(again, Err(MergeRefusal::SamePerson)));

        // Undone in the order of their making, which is not the order of a stack.
        for merge in [&first, &second] {
            assert!(store.undo_merge(&home, &one.contact_id, &merge.id).await.unwrap().undone_at.is_some());
        }
        assert!(matches!(store.undo_merge(&home, &one.contact_id, &second.id).await, Err(MergeRefusal::Undone)));
        assert!(matches!(store.undo_merge(&home, &three, &second.id).await, Err(MergeRefusal::UnknownMerge)));
        for person in before {
            let mut after = store.person(&home, &person.id).await.unwrap().unwrap();
            after.updated_at = person.updated_at;
            assert_eq!(after, person);
        }
        let log = store.merges(&home, &two.contact_id).await.unwrap();
        assert_eq!(log.iter().map(|merge| merge.id.as_str()).collect::<Vec<_>>(), [second.id.as_str(), first.id.as_str()]);
        let events = store.events(&home, 0, 100).await.unwrap();
        let told: Vec<_> = events.iter().filter(|event| event.kind == "contact.updated").collect();
        assert_eq!(told.len(), 4);
        assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), (1..=i64::try_from(events.len()).unwrap()).collect::<Vec<_>>());
    }

    async fn people_are_found_by_a_part_of_what_is_known(store: TestStore) {
        let home = store.workspace.id.clone();
        let jane = add(&store, &said("Jane 100% Doe", Some("+4930123456"), Some("jane_d@example.com"))).await;
        let met = meet(&store, &store.channel, "49170777").await.contact_id;
        for (text, expected) in [
            ("JANE", Some(&jane)), ("100%", Some(&jane)), ("e_d@", Some(&jane)), ("30123", Some(&jane)),
            ("70777", Some(&met)), ("e%d@", None), ("nobody", None),
        ] {
            let found = store.persons_like(&home, text, 10).await.unwrap();
            assert_eq!(found.first().map(|person| &person.id), expected, "{text}");
        }
        assert_eq!(store.persons_like("another", "Jane", 10).await.unwrap(), []);
    }

    async fn merges_that_race_never_make_a_ring(store: TestStore) {
        let home = store.workspace.id.clone();
        let mut ids = Vec::new();
        for name in ["a", "b", "c", "d"] {
            ids.push(add(&store, &said(name, None, None)).await);
        }
        let node = store.reopen().await;
        let mut tasks = Vec::new();
        for (number, pair) in [(0, 1), (1, 0), (1, 2), (2, 3), (3, 0), (2, 0), (3, 1)].into_iter().enumerate() {
            let store = if number % 2 == 0 { (**store).clone() } else { (*node).clone() };
            let (home, kept, merged) = (home.clone(), ids[pair.0].clone(), ids[pair.1].clone());
            tasks.push(tokio::spawn(async move { store.merge_contacts(&home, &kept, &merged, "raced", By::Hand).await }));
        }
        let mut made = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(_) => made += 1,
                Err(MergeRefusal::SamePerson) => {}
                Err(refusal) => panic!("{refusal}"),
            }
        }
        assert_eq!(made, 3);
        let (persons, total) = store.persons(&home, 10, 0).await.unwrap();
        assert_eq!((total, persons[0].merged_ids.len()), (1, 3));
    }

    async fn a_phone_and_an_address_belong_to_one(store: TestStore) {
        let home = store.workspace.id.clone();
        let known = meet(&store, &store.channel, "4915112345678").await.contact_id;
        let jane = add(&store, &said("Jane", Some("+14155551234"), Some("jane@example.com"))).await;
        for (said, field, whose) in [
            (said("X", Some("+14155551234"), None), Key::Phone, &jane),
            (said("X", None, Some("jane@example.com")), Key::Email, &jane),
            // The vendor's number counts as the workspace's own.
            (said("X", Some("+4915112345678"), None), Key::Phone, &known),
        ] {
            match store.add_contact(&home, &store.id(), &said, None).await {
                Err(ContactRefusal::Taken { key, contact_id }) => assert_eq!((key, &contact_id), (field, whose)),
                other => panic!("{other:?}"),
            }
        }
        // One may be told one's own, and another workspace is another world.
        store.change_contact(&home, &known, &said("Kim", Some("+4915112345678"), None)).await.unwrap();
        let away = workspace(&store, "stranger").await.id;
        store.add_contact(&away, &store.id(), &said("Jane", Some("+14155551234"), None), None).await.unwrap();
        assert!(matches!(store.change_contact(&away, &jane, &said("X", None, None)).await, Err(ContactRefusal::Unknown)));
        let found = store.persons_with(&home, Key::Phone, "+4915112345678").await.unwrap();
        assert_eq!(found.iter().map(|person| person.id.as_str()).collect::<Vec<_>>(), [known.as_str()]);

        let (node, phone) = (store.reopen().await, Some("+4930999999"));
        let tasks: Vec<_> = (0..8)
            .map(|number| {
                let store = if number % 2 == 0 { (**store).clone() } else { (*node).clone() };
                let (home, id) = (home.clone(), store.clock().id());
                tokio::spawn(async move { store.add_contact(&home, &id, &said("Racer", phone, None), None).await })
            })
            .collect();
        let mut made = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(()) => made += 1,
                Err(ContactRefusal::Taken { key: Key::Phone, .. }) => {}
                Err(refusal) => panic!("{refusal}"),
            }
        }
        assert_eq!(made, 1);
    }

    async fn what_is_said_is_laid_over_what_was(store: TestStore) {
        let home = store.workspace.id.clone();
        let conversation = meet(&store, &store.channel, "491").await;
        let id = conversation.contact_id.clone();
        let attributes = |value: serde_json::Value| value.as_object().unwrap().clone();
        let first = Particulars { attributes: attributes(json!({"plan": "gold", "trial": true})), tags: Some(vec!["vip".to_owned()]), ..said("Jane", None, Some("a@example.com")) };
        store.change_contact(&home, &id, &first).await.unwrap();
        let second = Particulars { email: Some(None), attributes: attributes(json!({"trial": null, "seats": 3})), ..Particulars::default() };
        store.change_contact(&home, &id, &second).await.unwrap();
        // What the channel calls her does not undo what the workspace does.
        hear(&store, &conversation, &[text("wamid.2", "491", "again")]).await.unwrap();
        let person = store.person(&home, &id).await.unwrap().unwrap();
        assert_eq!((person.name.as_deref(), person.email), (Some("Jane"), None));
        assert_eq!(json!(person.attributes), json!({"plan": "gold", "seats": 3}));
        assert_eq!(person.tags, ["vip"]);
        store.change_contact(&home, &id, &Particulars { name: Some(None), ..Particulars::default() }).await.unwrap();
        assert_eq!(store.person(&home, &id).await.unwrap().unwrap().name.as_deref(), Some("Person 491"));
    }

    async fn a_key_makes_one_contact(store: TestStore) {
        let home = store.workspace.id.clone();
        let key = |id: &str| Idempotency { key: "k".to_owned(), request_hash: "h".to_owned(), result_id: id.to_owned() };
        let (first, second) = (store.id(), store.id());
        store.add_contact(&home, &first, &said("Jane", None, None), Some(&key(&first))).await.unwrap();
        match store.add_contact(&home, &second, &said("Jane", None, None), Some(&key(&second))).await {
            Err(ContactRefusal::Repeated(earlier)) => assert_eq!(earlier.result_id, first),
            other => panic!("{other:?}"),
        }
        assert_eq!(store.persons(&home, 10, 0).await.unwrap().1, 1);
    }

    async fn only_who_never_spoke_is_deleted(store: TestStore) {
        let home = store.workspace.id.clone();
        let spoke = meet(&store, &store.channel, "491").await.contact_id;
        let (jane, other) = (add(&store, &said("Jane", None, None)).await, add(&store, &said("J.", None, None)).await);
        store.merge_contacts(&home, &jane, &other, "the same", By::Hand).await.unwrap();
        assert!(matches!(store.remove_contact(&home, &spoke).await, Err(ContactRefusal::HasConversations)));
        let away = workspace(&store, "stranger").await.id;
        assert!(matches!(store.remove_contact(&away, &jane).await, Err(ContactRefusal::Unknown)));
        store.remove_contact(&home, &other).await.unwrap();
        assert!(store.person(&home, &jane).await.unwrap().is_none());
        assert!(store.person(&home, &other).await.unwrap().is_none());
        assert!(store.person(&home, &spoke).await.unwrap().is_some());
        assert_eq!(store.events(&home, 0, 100).await.unwrap().last().unwrap().kind, "contact.deleted");
        // Merged into one who spoke, nobody is deleted.
        let silent = add(&store, &said("S", None, None)).await;
        store.merge_contacts(&home, &silent, &spoke, "the same", By::Hand).await.unwrap();
        assert!(matches!(store.remove_contact(&home, &silent).await, Err(ContactRefusal::HasConversations)));
    }

    async fn a_signed_visitor_becomes_the_sites_user(store: TestStore) {
        let home = store.workspace.id.clone();
        let first = SignIn { name: Some("Jane".to_owned()), phone: Some("+14155551234".to_owned()), ..visit(&store, "v1", "u1") };
        for _ in 0..2 {
            assert_eq!(store.sign_in(&first).await.unwrap(), SignedIn::Joined);
        }
        let jane = contact_of(&store, "v1").await;
        let person = store.person(&home, &jane).await.unwrap().unwrap();
        assert_eq!((person.external_id.as_deref(), person.name.as_deref()), (Some("u1"), Some("Jane")));
        assert_eq!((person.phone.as_deref(), person.merged_ids.len()), (Some("+14155551234"), 0));

        assert_eq!(store.sign_in(&visit(&store, "v2", "u1")).await.unwrap(), SignedIn::Joined);
        let person = store.person(&home, &contact_of(&store, "v2").await).await.unwrap().unwrap();
        assert_eq!((person.id.as_str(), person.identities.len()), (jane.as_str(), 2));
        let log = store.merges(&home, &jane).await.unwrap();
        assert_eq!((log.len(), log[0].evidence.as_str()), (1, "signed in as u1"));

        // The browser of one user is not the other's, and who was parted by hand stays apart.
        assert_eq!(store.sign_in(&visit(&store, "v2", "u2")).await.unwrap(), SignedIn::SomebodyElse);
        assert!(store.persons_with(&home, Key::ExternalId, "u2").await.unwrap().is_empty());
        store.undo_merge(&home, &jane, &log[0].id).await.unwrap();
        assert_eq!(store.sign_in(&visit(&store, "v2", "u1")).await.unwrap(), SignedIn::SomebodyElse);
        assert_eq!(store.persons(&home, 10, 0).await.unwrap().1, 2);
    }

    async fn sign_ins_that_race_make_one_person(store: TestStore) {
        let node = store.reopen().await;
        let tasks: Vec<_> = (0..8)
            .map(|number| {
                let asked = visit(&store, &format!("v{number}"), "u1");
                let store = if number % 2 == 0 { (**store).clone() } else { (*node).clone() };
                tokio::spawn(async move { store.sign_in(&asked).await })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap().unwrap(), SignedIn::Joined);
        }
        let (persons, total) = store.persons(&store.workspace.id, 10, 0).await.unwrap();
        assert_eq!((total, persons[0].merged_ids.len(), persons[0].identities.len()), (1, 7, 8));
    }

    async fn a_sites_claim_joins_only_by_the_rules(store: TestStore) {
        let home = store.workspace.id.clone();
        let phone = meet(&store, &store.channel, "14155551234").await.contact_id;
        let mail = add(&store, &said("Jane", None, Some("jane@example.com"))).await;
        let claims = |visitor: &str, user: &str| SignIn {
            phone: Some("+14155551234".to_owned()),
            email: Some("jane@example.com".to_owned()),
            ..visit(&store, visitor, user)
        };
        store.sign_in(&claims("v1", "u1")).await.unwrap();
        let user = store.person(&home, &contact_of(&store, "v1").await).await.unwrap().unwrap();
        assert_eq!(store.person(&home, &phone).await.unwrap().unwrap().id, user.id);
        assert_eq!(store.person(&home, &mail).await.unwrap().unwrap().id, mail);
        assert_eq!(user.email, None);
        // A second user of the site who claims the same number is somebody else.
        store.sign_in(&claims("v2", "u2")).await.unwrap();
        let second = store.person(&home, &contact_of(&store, "v2").await).await.unwrap().unwrap();
        assert!(second.id != user.id && second.phone.is_none() && second.merged_ids.is_empty());
        // Where the workspace wants it, an address joins as well.
        let rules = MergeRules { verified_phone: false, verified_email: true };
        store.put_merge_rules(&home, &rules).await.unwrap();
        assert_eq!(store.merge_rules(&home).await.unwrap(), rules);
        store.sign_in(&SignIn { rules, ..claims("v1", "u1") }).await.unwrap();
        assert_eq!(store.person(&home, &mail).await.unwrap().unwrap().id, user.id);
    }

    async fn shared_phones_are_found(store: TestStore) {
        let home = store.workspace.id.clone();
        let other = channel(&store, &store.workspace, None, "200").await;
        let (one, two) = (meet(&store, &store.channel, "491").await.contact_id, meet(&store, &other, "491").await.contact_id);
        meet(&store, &other, "492").await;
        assert_eq!(store.contacts_of_same_phone(&home, &one).await.unwrap(), std::slice::from_ref(&two));
        assert_eq!(store.contacts_with_shared_phones().await.unwrap(), [(home.clone(), std::cmp::max(one.clone(), two.clone()))]);
        let parted = store.merge_contacts(&home, &one, &two, "the rule", By::Rule).await.unwrap();
        store.undo_merge(&home, &one, &parted.id).await.unwrap();
        let again = store.merge_contacts(&home, &one, &two, "the rule", By::Rule).await;
        assert!(matches!(again, Err(MergeRefusal::Forbidden)));
        store.merge_contacts(&home, &two, &one, "by hand", By::Hand).await.unwrap();
    }

    async fn a_timeline_is_one_order_of_all_conversations(store: TestStore) {
        let home = store.workspace.id.clone();
        let other = channel(&store, &store.workspace, None, "200").await;
        let mut one = meet(&store, &store.channel, "491").await;
        let mut two = meet(&store, &other, "492").await;
        let stranger = meet(&store, &other, "493").await;
        store.merge_contacts(&home, &one.contact_id, &two.contact_id, "the same", By::Hand).await.unwrap();
        for number in 0..3 {
            store.clock().advance(1_000);
            one = hear(&store, &one, &[text(&format!("a{number}"), "491", &format!("a{number}"))]).await.unwrap();
            store.clock().advance(1_000);
            two = hear(&store, &two, &[text(&format!("b{number}"), "492", &format!("b{number}"))]).await.unwrap();
        }
        let whole = store.timeline(&home, &one.contact_id, Span::default(), 100).await.unwrap();
        let bodies: Vec<_> = whole.iter().map(|stored| stored.message.body.as_str()).collect();
        assert_eq!(bodies[2..], ["a0", "b0", "a1", "b1", "a2", "b2"]);
        assert!(whole.iter().all(|stored| stored.conversation_id != stranger.id));
        // Piece by piece, from the newest back, nothing is missing and nothing comes twice.
        let (mut pieces, mut before) = (Vec::new(), None::<String>);
        loop {
            let span = Span { before: before.as_deref(), ..Span::default() };
            let mut piece = store.timeline(&home, &one.contact_id, span, 3).await.unwrap();
            let Some(first) = piece.first() else { break };
            before = Some(first.message.id.clone());
            piece.append(&mut pieces);
            pieces = piece;
        }
        assert_eq!(pieces, whole);
        let elsewhere = Span { except: Some(&one.id), since: Some(store.clock().now() - 2_500), ..Span::default() };
        let found = store.timeline(&home, &one.contact_id, elsewhere, 100).await.unwrap();
        assert_eq!(found.iter().map(|stored| stored.message.body.as_str()).collect::<Vec<_>>(), ["b1", "b2"]);
        let away = workspace(&store, "stranger").await.id;
        assert!(store.timeline(&away, &one.contact_id, Span::default(), 100).await.unwrap().is_empty());
    }
}
