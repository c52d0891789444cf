//! Templates: rows keep their ids while the vendor's list changes, what it no longer has is gone, and news hold for every
//! channel under the same business account, in their own workspace.

use std::collections::BTreeMap;

use serde_json::json;
use switchboard::domain::changes::Idempotency;
use switchboard::domain::channels::Channel;
use switchboard::domain::templates::Template;
use switchboard::store::templates::TemplateFilter;
use switchboard_channels::contract::inbound::TemplateNews;
use switchboard_channels::contract::outbound::TemplateInfo;

use crate::support::databases::{TestStore, channel, on_both_databases, workspace};

fn listed(name: &str, language: &str, status: &str) -> TemplateInfo {
    TemplateInfo {
        id: Some(format!("id of {name}")),
        name: name.to_owned(),
        language: language.to_owned(),
        status: status.to_owned(),
        category: Some("UTILITY".to_owned()),
        reason: None,
        components: vec![json!({ "type": "BODY", "text": format!("About {name}: 100%_sure\0") })],
    }
}

async fn all(store: &TestStore, channel: &Channel) -> BTreeMap<(String, String), Template> {
    let filter = TemplateFilter { channel_id: Some(channel.id.clone()), ..TemplateFilter::default() };
    let found = store.templates(&channel.workspace_id, &filter, 100, 0).await.unwrap().0;
    found.into_iter().map(|one| ((one.name.clone(), one.language.clone()), one)).collect()
}

async fn put(store: &TestStore, channel: &Channel, all: &[TemplateInfo], whole: bool) {
    let since = store.clock().now();
    store.put_templates(&channel.workspace_id, &channel.id, all, (since, whole)).await.unwrap();
}

on_both_databases! {
    async fn a_list_replaces_the_one_before_and_ids_stay(store: TestStore) {
        let (home, own) = (store.workspace.id.clone(), store.channel.clone());
        assert_eq!(store.templates_at(&home, &own.id).await.unwrap(), None);
        put(&store, &own, &[listed("a", "en", "PENDING"), listed("a", "de", "APPROVED"), listed("b", "en", "APPROVED")], true).await;
        let before = all(&store, &own).await;
        let key = |name: &str, language: &str| (name.to_owned(), language.to_owned());
        assert_eq!(before.len(), 3);
        assert_eq!(store.templates_at(&home, &own.id).await.unwrap(), Some(before[&key("b", "en")].synced_at));

        store.clock().advance(1_000);
        // The vendor lists one twice, and one not any more.
        put(&store, &own, &[listed("a", "en", "APPROVED"), listed("a", "en", "APPROVED"), listed("c", "en", "PAUSED")], true).await;
        let after = all(&store, &own).await;
        assert_eq!(after.keys().cloned().collect::<Vec<_>>(), [key("a", "en"), key("c", "en")]);
        let (old, new) = (&before[&key("a", "en")], &after[&key("a", "en")]);
        assert_eq!((&new.id, new.status.as_str()), (&old.id, "APPROVED"));
        assert!(new.synced_at > old.synced_at);
        // Part of a list removes nothing, and an empty one everything.
        store.clock().advance(1_000);
        put(&store, &own, &[listed("d", "en", "APPROVED")], false).await;
        assert_eq!(all(&store, &own).await.len(), 3);
        store.clock().advance(1_000);
        put(&store, &own, &[], true).await;
        assert_eq!(all(&store, &own).await.len(), 0);
    }

    async fn filters_find_what_they_say_and_stay_at_home(store: TestStore) {
        let (home, own) = (store.workspace.id.clone(), store.channel.clone());
        let second = channel(&store, &store.workspace, None, "200").await;
        put(&store, &own, &[listed("order", "en", "APPROVED"), listed("order", "de", "REJECTED")], true).await;
        put(&store, &second, &[listed("sale", "en", "APPROVED")], true).await;
        let of = |set: fn(&mut TemplateFilter)| {
            let mut filter = TemplateFilter::default();
            set(&mut filter);
            filter
        };
        for (filter, names) in [
            (of(|_| ()), vec!["order", "order", "sale"]),
            (of(|f| f.status = Some("APPROVED".to_owned())), vec!["order", "sale"]),
            (of(|f| f.language = Some("de".to_owned())), vec!["order"]),
            (of(|f| f.category = Some("MARKETING".to_owned())), vec![]),
            (of(|f| f.name = Some("sale".to_owned())), vec!["sale"]),
            (of(|f| f.q = Some("ABOUT SALE".to_owned())), vec!["sale"]),
            (of(|f| f.q = Some("100%_".to_owned())), vec!["order", "order", "sale"]),
            (of(|f| f.q = Some("100__".to_owned())), vec![]),
        ] {
            let (found, total) = store.templates(&home, &filter, 100, 0).await.unwrap();
            assert_eq!(found.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), names, "{filter:?}");
            assert_eq!(total, i64::try_from(names.len()).unwrap());
        }
        assert_eq!(store.templates(&home, &TemplateFilter::default(), 1, 1).await.unwrap().0[0].language, "en");
        assert_eq!(store.approved_templates(&home, &own.id).await.unwrap().len(), 1);
        let stranger = workspace(&store, "stranger").await;
        let one = all(&store, &own).await.into_values().next().unwrap();
        assert_eq!(store.template(&stranger.id, &one.id).await.unwrap(), None);
        assert_eq!(store.templates(&stranger.id, &TemplateFilter::default(), 10, 0).await.unwrap().1, 0);
        assert_eq!(store.templates_at(&stranger.id, &own.id).await.unwrap(), None);
        assert!(!store.remove_template(&stranger.id, &one.id).await.unwrap());
        store.put_templates(&stranger.id, &own.id, &[listed("theirs", "en", "APPROVED")], (i64::MAX, true)).await.unwrap();
        assert_eq!(all(&store, &own).await.len(), 2, "another workspace neither adds nor removes");
        assert!(store.remove_template(&home, &one.id).await.unwrap());
        // They go with their channel.
        assert!(store.remove_channel(&home, &second.id).await.unwrap());
        assert_eq!(store.templates(&home, &TemplateFilter::default(), 10, 0).await.unwrap().1, 1);
    }

    async fn what_is_handed_in_is_kept_once_for_a_key(store: TestStore) {
        let own = store.channel.clone();
        // The list was read between the vendor's answer and ours.
        put(&store, &own, &[listed("a", "en", "PENDING")], true).await;
        let id = store.id();
        let key = |id: &str| Idempotency { key: "k".into(), request_hash: "h".into(), result_id: id.to_owned() };
        let made = listed("a", "en", "PENDING");
        let added = store.add_template(&own, (&id, &made), Some(&key(&id))).await.unwrap().unwrap().unwrap();
        assert_eq!((added.id.as_str(), all(&store, &own).await.len()), (id.as_str(), 1));
        let again = store.id();
        assert_eq!(store.add_template(&own, (&again, &made), Some(&key(&again))).await.unwrap(), Err(key(&id)));
        put(&store, &own, &[listed("a", "en", "APPROVED")], true).await;
        assert_eq!(store.template(&own.workspace_id, &id).await.unwrap().unwrap().status, "APPROVED");
    }

    async fn news_hold_for_the_whole_business_account_of_a_workspace(store: TestStore) {
        let own = store.channel.clone();
        let sister = channel(&store, &store.workspace, None, "200").await;
        let stranger = workspace(&store, "stranger").await;
        let theirs = channel(&store, &stranger, None, "300").await;
        for channel in [&own, &sister, &theirs] {
            put(&store, channel, &[listed("a", "en_US", "APPROVED"), listed("b", "en_US", "APPROVED")], true).await;
        }
        let news = |status: Option<&str>, reason: Option<&str>| TemplateNews {
            name: "a".to_owned(),
            language: "en-US".to_owned(),
            status: status.map(str::to_owned),
            category: Some("MARKETING".to_owned()),
            reason: reason.map(str::to_owned),
        };
        store.templates_changed(&own, Some(&news(Some("PAUSED"), Some("low quality")))).await.unwrap();
        store.templates_changed(&own, Some(&news(None, None))).await.unwrap();
        let mut told = Vec::new();
        for channel in [&own, &sister, &theirs] {
            let all = all(&store, channel).await.into_values().map(|one| (one.status, one.category, one.reason));
            let fresh = store.templates_at(&channel.workspace_id, &channel.id).await.unwrap().is_some();
            told.push((all.collect::<Vec<_>>(), fresh));
        }
        let text = |text: &str| Some(text.to_owned());
        let as_before = ("APPROVED".to_owned(), text("UTILITY"), None);
        let paused = ("PAUSED".to_owned(), text("MARKETING"), text("low quality"));
        assert_eq!(told[0], (vec![paused.clone(), as_before.clone()], false));
        assert_eq!(told[1], (vec![paused, as_before.clone()], false));
        assert_eq!(told[2], (vec![as_before.clone(), as_before], true));
    }
}
