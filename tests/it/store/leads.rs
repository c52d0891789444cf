//! Leads: kept once for a key with the event that tells of them, and never another workspace's.

use switchboard::domain::changes::Idempotency;
use switchboard::domain::leads::{Lead, LeadChange, LeadDetails, LeadStatus};
use switchboard::store::leads::LeadFilter;

use crate::support::databases::{TestStore, on_both_databases, workspace};

fn lead(store: &TestStore, name: &str) -> Lead {
    Lead {
        id: store.id(),
        agent_id: Some(store.agent.id.clone()),
        contact_id: None,
        conversation_id: None,
        session_id: Some("s".to_owned()),
        details: LeadDetails { contact_name: Some(name.to_owned()), ..LeadDetails::default() },
        source: "api".to_owned(),
        status: LeadStatus::New,
        created_at: 5,
        updated_at: 5,
    }
}

on_both_databases! {
    async fn a_lead_is_kept_once_for_a_key_with_its_event(store: TestStore) {
        let home = store.workspace.id.clone();
        let mut live = store.listen();
        let one = lead(&store, "Jane");
        let key = Idempotency { key: "k".into(), request_hash: "h".into(), result_id: one.id.clone() };
        assert_eq!(store.add_lead(&home, &one, Some("Ada"), Some(&key)).await.unwrap(), None);
        let again = lead(&store, "Jane");
        assert_eq!(store.add_lead(&home, &again, Some("Ada"), Some(&key)).await.unwrap(), Some(key));
        assert_eq!(store.lead(&home, &one.id).await.unwrap(), Some(one.clone()));
        let told = live.recv().await.unwrap();
        assert_eq!((told.len(), told[0].kind), (1, "lead_captured"));
        assert!(told[0].data.contains("\"agent_name\":\"Ada\"") && told[0].data.contains(&one.id));
        assert_eq!(store.leads(&home, &LeadFilter::default(), 10, 0).await.unwrap().1, 1);
    }

    async fn leads_change_are_filtered_and_stay_at_home(store: TestStore) {
        let home = store.workspace.id.clone();
        let stranger = workspace(&store, "stranger").await;
        let (one, two) = (lead(&store, "Jane"), lead(&store, "Joe"));
        store.add_lead(&home, &one, None, None).await.unwrap();
        store.add_lead(&home, &two, None, None).await.unwrap();
        let change = LeadChange { status: Some(LeadStatus::Won), contact_name: Some(None), ..LeadChange::default() };
        assert_eq!(store.change_lead(&stranger.id, &one.id, &change).await.unwrap(), None);
        let changed = store.change_lead(&home, &one.id, &change).await.unwrap().unwrap();
        assert_eq!((changed.status, changed.details.contact_name.as_deref()), (LeadStatus::Won, None));
        let won = LeadFilter { status: Some(LeadStatus::Won), ..LeadFilter::default() };
        assert_eq!(store.leads(&home, &won, 10, 0).await.unwrap(), (vec![store.lead(&home, &one.id).await.unwrap().unwrap()], 1));
        assert_eq!(store.leads(&stranger.id, &LeadFilter::default(), 10, 0).await.unwrap().1, 0);
        assert!(!store.remove_lead(&stranger.id, &two.id).await.unwrap());
        assert!(store.remove_lead(&home, &two.id).await.unwrap());
    }
}
