//! Workspaces: those of the caller, and their settings.

use serde_json::json;
use switchboard::domain::members::Role;

use crate::support::gateway::{answer, scenario};

#[test]
fn makes_lists_and_changes() {
    scenario(|gateway| async move {
        let (acme, token) = (gateway.acme.workspace.id.clone(), gateway.acme.session.clone());
        let (status, list) = answer(gateway.acme("GET", "/api/workspaces")).await;
        assert_eq!((status, &list["items"][0]["id"], list["total"].as_i64()), (200, &json!(acme), Some(1)));
        let make = |name: &str| gateway.by_cookie(&token, "POST", "/api/workspaces").json(&json!({"name": name}));
        let (status, made) = answer(make("Second")).await;
        assert_eq!((status, &made["plan"], &made["time_zone"]), (201, &json!("free"), &json!("UTC")), "{made}");
        assert_eq!(answer(make("Second")).await.0, 409);
        assert_eq!(answer(make(" ")).await.0, 400);
        assert_eq!(answer(gateway.acme("POST", "/api/workspaces").json(&json!({"name": "Third"}))).await.0, 401);
        let (_, list) = answer(gateway.by_cookie(&token, "GET", "/api/workspaces")).await;
        assert_eq!((list["total"].as_i64(), &list["items"][1]["role"]), (Some(2), &json!("owner")));

        // The address names the workspace, so nothing else need.
        let path = format!("/api/workspaces/{}", made["id"].as_str().unwrap());
        assert_eq!(answer(gateway.by_cookie(&token, "GET", &path)).await.1["name"], "Second");
        assert_eq!(answer(gateway.acme("GET", &path)).await.0, 404);
        let patch = |body| gateway.by_cookie(&token, "PATCH", &path).json(&body);
        let template = json!({"name": "sign_in_code", "language": "en_US"});
        let asked = json!({"name": "Two", "time_zone": "Europe/Berlin", "code_template": template});
        let (status, changed) = answer(patch(asked)).await;
        assert_eq!((status, &changed["name"], &changed["code_template"]), (200, &json!("Two"), &template), "{changed}");
        let (_, changed) = answer(patch(json!({"code_template": null}))).await;
        assert_eq!((&changed["code_template"], &changed["time_zone"]), (&json!(null), &json!("Europe/Berlin")));
        for (asked, status) in [
            (json!({"time_zone": "Mars/Olympus"}), 400),
            (json!({"name": ""}), 400),
            (json!({"name": "acme"}), 409),
            (json!({"plan": "enterprise"}), 400),
        ] {
            assert_eq!(answer(patch(asked)).await.0, status);
        }
        let (_, viewer) = gateway.member_with(&gateway.acme, "vera@example.com", Role::Viewer).await;
        let own = format!("/api/workspaces/{acme}");
        assert_eq!(answer(gateway.by_cookie(&viewer, "GET", &own)).await.0, 200);
        assert_eq!(answer(gateway.by_cookie(&viewer, "PATCH", &own).json(&json!({"name": "Mine"}))).await.0, 403);
    });
}
