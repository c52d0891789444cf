//! Workspaces: those of the caller, and their settings.

use serde_json::{Value, json};
use switchboard::domain::members::Role;
use switchboard::domain::principals::Permission;

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

#[test]
fn lives_in_a_time_zone_and_at_a_place() {
    scenario(|gateway| async move {
        let path = format!("/api/workspaces/{}", gateway.acme.workspace.id);
        let patch = |body: &Value| gateway.acme("PATCH", &path).json(body);
        assert_eq!(gateway.read(&path).await["place"], Value::Null);
        let place = json!({"latitude": -36.85, "longitude": 174.76, "name": "Auckland"});
        let (status, changed) = answer(patch(&json!({"time_zone": "Pacific/Auckland", "place": place}))).await;
        assert_eq!((status, &changed["place"], &changed["time_zone"]), (200, &place, &json!("Pacific/Auckland")));
        let day = gateway.read("/api/v1/my-day").await;
        assert_eq!(day["data"]["time_zone"], "Pacific/Auckland");

        // Words are read in the zone: nine in the morning there.
        let said = json!({"title": "Open the shop", "due_date": "tomorrow", "remind": "tomorrow at nine"});
        let (status, made) = answer(gateway.acme("POST", "/api/v1/tasks").json(&said)).await;
        assert_eq!(status, 201, "{made}");
        let at = jiff::Timestamp::from_millisecond(made["data"]["remind_at"].as_i64().unwrap()).unwrap();
        let there = at.in_tz("Pacific/Auckland").unwrap();
        assert_eq!((there.hour(), there.minute()), (9, 0), "{made}");
        assert_eq!(made["data"]["due_date"], there.date().to_string(), "{made}");

        for (asked, field) in [
            (json!({"time_zone": "Mars/Olympus"}), "time_zone"),
            (json!({"time_zone": ""}), "time_zone"),
            (json!({"time_zone": "../../etc/passwd"}), "time_zone"),
            (json!({"place": {"latitude": 91, "longitude": 0}}), "place.latitude"),
            (json!({"place": {"latitude": 0, "longitude": -180.5}}), "place.longitude"),
            (json!({"place": {"latitude": 0, "longitude": 0, "name": ""}}), "place.name"),
            (json!({"place": {"latitude": 0, "longitude": 0, "name": "a\nb"}}), "place.name"),
            (json!({"place": {"latitude": 0}}), "place"),
            (json!({"place": "Berlin"}), "place"),
        ] {
            let (status, refused) = answer(patch(&asked)).await;
            let named = refused["error"]["details"][0]["field"].as_str().unwrap_or_default();
            assert!(status == 400 && named.starts_with(field), "{asked}: {status} {refused}");
        }
        assert_eq!(gateway.read(&path).await["place"], place, "what was refused changed nothing");
        let (_, changed) = answer(patch(&json!({"place": null}))).await;
        assert_eq!((&changed["place"], &changed["time_zone"]), (&Value::Null, &json!("Pacific/Auckland")));
        let viewer = gateway.key_with(&gateway.acme, &[Permission::Read]).await;
        assert_eq!(answer(gateway.ask("PATCH", &path).bearer_auth(viewer).json(&json!({"place": place}))).await.0, 403);
    });
}
