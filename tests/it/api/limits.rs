//! How often callers may ask, as they see it.

use std::time::Duration;

use serde_json::json;

use crate::support::gateway::{Gateway, answer, scenario};

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
        on_plan(&gateway, "free").await;
        let uploads: Vec<_> = (0..2)
            .map(|_| {
                // A body that never ends: the request runs until it is given up.
                let body = futures_util::stream::pending::<Result<bytes::Bytes, std::io::Error>>();
                let request = gateway.acme("POST", "/api/files").header("content-type", "text/plain");
                tokio::spawn(request.body(reqwest::Body::wrap_stream(body)).send())
            })
            .collect();
        let refused = loop {
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
