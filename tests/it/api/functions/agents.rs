//! The agents that answer.

use serde_json::json;

use crate::support::gateway::{answer, scenario};

#[test]
fn lists_the_active_ones() {
    scenario(|gateway| async move {
        let list = gateway.read("/functions/v1/agents").await;
        let echo = &list["data"][0];
        assert_eq!((list["data"].as_array().unwrap().len(), echo["id"].as_str()), (2, Some(&*gateway.acme.agent.id)));
        assert_eq!(
            (&echo["name"], &echo["is_active"], &echo["model"]),
            (&json!("Echo"), &json!(true), &json!("builtin/echo"))
        );
        assert!(echo["created_at"].as_str().unwrap().ends_with('Z'));
        let path = format!("/api/agents/{}", gateway.acme.agent.id);
        let rested = answer(gateway.acme("PATCH", &path).json(&json!({"is_active": false}))).await;
        assert_eq!((rested.0, &rested.1["is_active"]), (200, &json!(false)));
        let left = gateway.read("/functions/v1/agents").await;
        assert_eq!((left["data"].as_array().unwrap().len(), &left["data"][0]["name"]), (1, &json!("Other")));
        assert!(!left.to_string().contains("sk-model-secret"));
    });
}
