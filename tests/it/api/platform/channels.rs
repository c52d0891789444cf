//! Channels: shown without secrets, paused and resumed.

use crate::support::gateway::{answer, scenario};

#[test]
fn shows_pauses_and_resumes() {
    scenario(|gateway| async move {
        let list = gateway.read("/api/channels").await;
        assert_eq!(list["total"], 2);
        let path = format!("/api/channels/{}", gateway.whatsapp.id);
        let one = gateway.read(&path).await;
        let callback = format!("{}/api/webhooks/whatsapp/{}", gateway.url, gateway.whatsapp.id);
        assert_eq!((one["state"].as_str(), one["callback_url"].as_str()), (Some("active"), Some(callback.as_str())));
        assert!(!list.to_string().contains(&gateway.account.app_secret));
        assert!(!list.to_string().contains(&gateway.account.access_token));
        let (status, paused) = answer(gateway.acme("POST", &format!("{path}/pause"))).await;
        assert_eq!((status, paused["state"].as_str()), (200, Some("paused")));
        assert_eq!(gateway.read(&path).await["state_reason"], "paused by ops");
        let (status, active) = answer(gateway.acme("POST", &format!("{path}/resume"))).await;
        assert_eq!((status, active["state"].as_str()), (200, Some("active")));
    });
}
