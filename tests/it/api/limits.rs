//! How often callers may ask, as they see it.

use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::json;
use switchboard::cache::Options;
use switchboard::domain::api_keys;
use switchboard::domain::principals::{Permission, Permissions};
use switchboard::domain::workspaces::Workspace;
use switchboard::store::api_keys::NewApiKey;

use crate::support::gateway::{Gateway, answer, scenario, scenario_counting};

/// Puts the workspace on this plan, before anybody has called.
async fn on_plan(gateway: &Gateway, plan: &str) {
    let workspace =
        switchboard::domain::workspaces::Workspace { plan: plan.to_owned(), ..gateway.acme.workspace.clone() };
    gateway.switchboard.store.put_workspace(&workspace).await.unwrap();
}

fn number(response: &reqwest::Response, name: &str) -> i64 {
    response.headers()[name].to_str().unwrap().parse().unwrap()
}

#[test]
fn the_plan_counts_exactly_and_says_so_on_every_answer() {
    scenario(|gateway| async move {
        on_plan(&gateway, "free").await;
        for remaining in (0..10).rev() {
            let response = gateway.acme("GET", "/api/agents").send().await.unwrap();
            assert_eq!(response.status(), 200);
            assert_eq!(number(&response, "x-ratelimit-limit"), 10);
            assert_eq!(number(&response, "x-ratelimit-remaining"), remaining);
            let now = gateway.switchboard.now() / 1_000;
            assert!((now..=now + 61).contains(&number(&response, "x-ratelimit-reset")));
        }
        let body = json!({"messages": [{"role": "user", "content": "Hi"}]});
        let chat = format!("/api/agents/{}/chat", gateway.acme.agent.id);
        let response = gateway.acme("POST", &chat).json(&body).send().await.unwrap();
        assert_eq!((response.status().as_u16(), number(&response, "x-ratelimit-remaining")), (429, 0));
        let wait = number(&response, "retry-after");
        assert!((1..=60).contains(&wait));
        assert_eq!(number(&response, "x-ratelimit-retry-after"), wait);
        assert_eq!(response.json::<serde_json::Value>().await.unwrap()["error"]["code"], "RATE_LIMITED");
        let (status, refused) = answer(gateway.acme("GET", "/api/v1/tasks")).await;
        assert_eq!(
            (status, &refused["success"], &refused["error"]["code"]),
            (429, &json!(false), &json!("RATE_LIMITED"))
        );
        let happened = gateway.switchboard.store.events(&gateway.acme.workspace.id, 0, 10).await.unwrap();
        assert_eq!(happened, [], "what was refused did not happen");
        // The other workspace is not counted with it.
        assert_eq!(
            gateway.ask("GET", "/api/agents").bearer_auth(&gateway.rival.key).send().await.unwrap().status(),
            200
        );
    });
}

#[test]
fn a_streamed_answer_keeps_its_place_until_it_ends() {
    scenario(|gateway| async move {
        on_plan(&gateway, "narrow").await;
        let upload = || {
            // A body that never ends: the request runs until it is given up.
            let body = futures_util::stream::pending::<Result<bytes::Bytes, std::io::Error>>();
            let request = gateway.acme("POST", "/api/files").header("content-type", "text/plain");
            tokio::spawn(request.body(reqwest::Body::wrap_stream(body)).send())
        };
        let mut uploads = Vec::new();
        let refused = loop {
            // One that comes while both places are taken by another and by the question is refused: a next one is not.
            uploads.push(upload());
            let response = gateway.acme("GET", "/api/agents").send().await.unwrap();
            if response.status() != 200 {
                break response;
            }
        };
        assert_eq!((refused.status().as_u16(), number(&refused, "retry-after")), (429, 1));
        assert_eq!(refused.json::<serde_json::Value>().await.unwrap()["error"]["code"], "CONCURRENCY_LIMITED");
        for upload in uploads {
            upload.abort();
        }
    });
}

#[test]
fn who_is_not_limited_is_told_so_and_callbacks_are_never_counted() {
    scenario(|gateway| async move {
        for path in ["/healthz", "/api/agents", "/nowhere", "/openapi.json"] {
            let response = gateway.acme("GET", path).timeout(Duration::from_secs(10)).send().await.unwrap();
            assert_eq!(number(&response, "x-ratelimit-limit"), i64::from(u32::MAX), "{path}");
            assert_eq!(number(&response, "x-ratelimit-remaining"), i64::from(u32::MAX), "{path}");
        }
    });
}

#[test]
fn a_keys_own_limit_comes_before_its_plans() {
    scenario(|gateway| async move {
        on_plan(&gateway, "free").await;
        let make = |body: serde_json::Value| {
            answer(gateway.by_cookie(&gateway.acme.session, "POST", "/api/api-keys").json(&body))
        };
        for limit in [json!(0), json!(1_000_001), json!("3"), json!(1.5)] {
            let (status, refused) = make(json!({"name": "few", "requests_per_minute": limit})).await;
            let field = &refused["error"]["details"][0]["field"];
            assert_eq!((status, field), (400, &json!("requests_per_minute")), "{refused}");
        }
        let (status, made) = make(json!({"name": "few", "requests_per_minute": 2})).await;
        assert_eq!((status, &made["requests_per_minute"]), (201, &json!(2)), "{made}");
        let key = made["key"].as_str().unwrap().to_owned();
        let few = || gateway.ask("GET", "/api/agents").bearer_auth(&key).send();
        for remaining in [1, 0] {
            let response = few().await.unwrap();
            assert_eq!(
                (number(&response, "x-ratelimit-limit"), number(&response, "x-ratelimit-remaining")),
                (2, remaining)
            );
        }
        let refused = few().await.unwrap();
        assert_eq!((refused.status().as_u16(), number(&refused, "x-ratelimit-limit")), (429, 2));
        // The plan counted what the key was admitted to, and nothing else: five times making keys, twice asking.
        let other = gateway.acme("GET", "/api/agents").send().await.unwrap();
        assert_eq!((number(&other, "x-ratelimit-limit"), number(&other, "x-ratelimit-remaining")), (10, 2));

        let path = format!("/api/api-keys/{}", made["id"].as_str().unwrap());
        let patch =
            gateway.by_cookie(&gateway.acme.session, "PATCH", &path).json(&json!({"requests_per_minute": null}));
        let (status, changed) = answer(patch).await;
        assert_eq!((status, &changed["requests_per_minute"]), (200, &serde_json::Value::Null), "{changed}");
        let response = few().await.unwrap();
        assert_eq!((number(&response, "x-ratelimit-limit"), number(&response, "x-ratelimit-remaining")), (10, 0));
    });
}

/// Connections at once.
const CONNECTIONS: usize = 64;
/// Keys, and the workspaces that have them.
const KEYS: usize = 1_000;
const WORKSPACES: usize = 10;
/// What a key may ask in a minute, and what it asks.
const KEY_LIMIT: u32 = 2;
const ASKED: usize = 3;
/// What the plan `rated` allows in a minute: less than the keys of a workspace together.
const PLAN_LIMIT: usize = 60;

/// A workspace on the plan `rated` with its share of the keys. Gives their secrets.
async fn crowd(gateway: &Gateway, nth: usize) -> Vec<String> {
    let store = &gateway.switchboard.store;
    let (id, name, plan) = (store.clock().id(), format!("crowd {nth}"), "rated".to_owned());
    store.put_workspace(&Workspace { id: id.clone(), name, plan, created_at: 1 }).await.unwrap();
    let mut keys = Vec::new();
    for place in 0..KEYS / WORKSPACES {
        let key = format!("sb_{}{}", store.clock().id(), store.clock().id());
        let stored = NewApiKey {
            id: store.clock().id(),
            workspace_id: id.clone(),
            agent_id: None,
            name: format!("key {place}"),
            prefix: api_keys::visible_prefix(&key),
            hash: api_keys::hash(&key),
            scopes: Permissions::of(&[Permission::Read]),
            requests_per_minute: Some(KEY_LIMIT),
            expires_at: None,
            created_by: None,
        };
        store.put_api_key(&stored).await.unwrap();
        keys.push(key);
    }
    keys
}

/// 64 connections ask with 1,000 keys: no key gets one answer more than it may, and no workspace one more than its plan.
fn crowded(options: &Options) {
    scenario_counting(options, |gateway| async move {
        // A scenario is given up before a minute is over, so what is admitted here is admitted in one.
        let mut keys = Vec::new();
        for nth in 0..WORKSPACES {
            keys.push(crowd(&gateway, nth).await);
        }
        let turns = (0..KEYS).flat_map(|place| [(place % WORKSPACES, place / WORKSPACES); ASKED]);
        let asking = turns.map(|(workspace, key)| {
            let request = gateway.ask("GET", "/api/usage/plan").bearer_auth(&keys[workspace][key]);
            async move {
                let response = request.send().await.unwrap();
                let (status, remaining) = (response.status().as_u16(), number(&response, "x-ratelimit-remaining"));
                assert!(status == 200 || (status == 429 && remaining == 0), "{status}, {remaining} left");
                (workspace, key, status == 200)
            }
        });
        let answers: Vec<_> = futures_util::stream::iter(asking).buffer_unordered(CONNECTIONS).collect().await;
        let mut admitted = vec![[0_usize; KEYS / WORKSPACES]; WORKSPACES];
        for (workspace, key, passed) in answers {
            admitted[workspace][key] += usize::from(passed);
        }
        for of_workspace in &admitted {
            assert_eq!(of_workspace.iter().sum::<usize>(), PLAN_LIMIT);
            assert!(
                of_workspace.iter().all(|passed| *passed <= usize::try_from(KEY_LIMIT).unwrap()),
                "{of_workspace:?}"
            );
        }
    });
}

#[test]
fn many_connections_over_many_keys_are_counted_exactly_in_memory() {
    crowded(&Options::default());
}

#[test]
fn many_connections_over_many_keys_are_counted_exactly_in_redis() {
    crowded(&Options { url: Some(crate::cache::redis_url()) });
}
