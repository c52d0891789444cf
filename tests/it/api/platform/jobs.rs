//! Dead jobs: shown, and brought back.

use switchboard::domain::changes::Change;
use switchboard::domain::jobs::{NewJob, Work};

use crate::support::gateway::{answer, scenario};

#[test]
fn shows_dead_jobs_and_brings_them_back() {
    scenario(|gateway| async move {
        let store = &gateway.switchboard.store;
        let id = store.clock().id();
        let job = NewJob {
            id: id.clone(),
            lane: String::new(),
            work: Work::Download { message_id: store.clock().id(), index: 0 },
            run_at: store.clock().now() + 3_600_000,
            cargo: None,
        };
        let workspace_id = gateway.acme.workspace.id.clone();
        store.commit(Change { workspace_id, jobs: vec![job], ..Change::default() }).await.unwrap();
        store.bury_job(&id, 14, "the vendor answered 503").await.unwrap();
        let dead = gateway.read("/api/jobs/dead").await;
        assert_eq!((dead["total"].as_i64(), dead["items"][0]["kind"].as_str()), (Some(1), Some("download")));
        let path = format!("/api/jobs/{id}/retry");
        assert_eq!(answer(gateway.ask("POST", &path).bearer_auth(&gateway.rival.key)).await.0, 404);
        assert_eq!(answer(gateway.acme("POST", &path)).await.0, 202);
        assert_eq!(answer(gateway.acme("POST", &path)).await.0, 404);
        assert_eq!(gateway.read("/api/jobs/dead").await["total"], 0);
    });
}
