//! The workspace's own accounts with providers of models.

use serde_json::{Value, json};
use switchboard::domain::agents::AgentSettings;
use switchboard::domain::workspaces::Workspace;

use crate::support::gateway::{answer, scenario};

#[test]
fn keeps_keys_to_itself() {
    scenario(|gateway| async move {
        assert_eq!(answer(gateway.acme("GET", "/api/providers/anthropic")).await.0, 404);
        let put = |provider: &str, body: Value| gateway.acme("PUT", &format!("/api/providers/{provider}")).json(&body);
        let (status, made) = answer(put("anthropic", json!({"api_key": "sk-ant-s3cr3t"}))).await;
        assert_eq!((status, &made["provider"], &made["base_url"]), (200, &json!("anthropic"), &Value::Null), "{made}");
        let shown = gateway.read("/api/providers/anthropic").await;
        assert!(!shown.to_string().contains("s3cr3t") && shown["updated_at"].is_i64());
        for (provider, body, fields) in [
            ("anthropic", json!({"api_key": ""}), vec!["api_key"]),
            ("openai", json!({"api_key": "a b", "base_url": "ftp://x"}), vec!["api_key", "base_url"]),
            ("compatible", json!({"api_key": "k"}), vec!["base_url"]),
        ] {
            let (status, refused) = answer(put(provider, body)).await;
            let details = refused["error"]["details"].as_array().unwrap().clone();
            let found: Vec<&str> = details.iter().filter_map(|problem| problem["field"].as_str()).collect();
            assert_eq!((status, found), (400, fields), "{refused}");
        }
        assert_eq!(answer(put("nobody", json!({"api_key": "k"}))).await.0, 404);
        let listed = gateway.read("/api/providers").await;
        assert_eq!(listed, json!({"items": [shown], "total": 1}));
        assert_eq!(gateway.read("/api/providers?offset=1").await, json!({"items": [], "total": 1}));
        let rival = gateway.ask("GET", "/api/providers").bearer_auth(&gateway.rival.key);
        assert_eq!(answer(rival).await.1["total"], 0);
        let delete = || gateway.acme("DELETE", "/api/providers/anthropic");
        assert_eq!(answer(delete()).await.0, 204);
        assert_eq!(answer(delete()).await.0, 404);
        let log = answer(gateway.by_cookie(&gateway.acme.session, "GET", "/api/audit")).await.1.to_string();
        assert!(log.contains("provider.set") && log.contains("provider.removed") && !log.contains("s3cr3t"), "{log}");
    });
}

#[test]
fn is_used_by_agents_without_a_key_of_their_own() {
    scenario(|gateway| async move {
        let simulator = gateway.simulator.base_url();
        assert!(
            gateway.put_elsewhere(&format!("{simulator}/sim/model"), &json!({"api_key": "own"})).await.is_success()
        );
        for (provider, model) in [("anthropic", "anthropic/x"), ("gemini", "gemini/x"), ("compatible", "compatible/x")]
        {
            let body = json!({"api_key": "own", "base_url": simulator});
            let put = gateway.acme("PUT", &format!("/api/providers/{provider}")).json(&body);
            assert_eq!(answer(put).await.0, 200);
            let agent = gateway.hire(model, AgentSettings::default()).await;
            let body = json!({"messages": [{"role": "user", "content": "Hi"}]});
            let (status, said) = answer(gateway.acme("POST", &format!("/api/agents/{agent}/chat")).json(&body)).await;
            assert_eq!((status, &said["message"]["content"]), (200, &json!("You said: Hi")), "{said}");
            assert!(said["usage"]["input_tokens"].as_u64() > Some(0), "{said}");
        }
    });
}

#[test]
fn a_plan_of_own_keys_uses_no_key_of_the_installation() {
    scenario(|gateway| async move {
        let workspace = Workspace { plan: "own".to_owned(), ..gateway.acme.workspace.clone() };
        gateway.switchboard.store.put_workspace(&workspace).await.unwrap();
        let agent = gateway.hire("openai/x", AgentSettings::default()).await;
        let body = json!({"messages": [{"role": "user", "content": "Hi"}]});
        let (status, refused) = answer(gateway.acme("POST", &format!("/api/agents/{agent}/chat")).json(&body)).await;
        assert_eq!((status, &refused["error"]["code"]), (402, &json!("PROVIDER_KEY_MISSING")), "{refused}");
    });
}
