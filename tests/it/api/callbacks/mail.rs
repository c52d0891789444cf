//! What mail providers deliver: proofs that may be used once, envelopes that are kept, and subscriptions.

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use switchboard::domain::changes::Change;
use switchboard::domain::channels::{Channel, ChannelState, Origin};
use switchboard::domain::deliveries::DeliveryOutcome;
use switchboard::domain::jobs::{NewJob, Work};
use switchboard_channels::Kind;

use crate::support::gateway::{Gateway, answer, scenario};
use crate::support::process::await_some;

const SECRET: &str = "the-signing-key";

/// A mail channel whose provider is this.
async fn channel(gateway: &Gateway, provider: &str) -> Channel {
    let store = &gateway.switchboard.store;
    let channel = Channel {
        id: store.clock().id(),
        workspace_id: gateway.acme.workspace.id.clone(),
        kind: Kind::Email,
        name: "mail".to_owned(),
        agent_id: None,
        account: Some("support@acme.example".to_owned()),
        business: None,
        state: ChannelState::Active,
        state_reason: None,
        origin: Origin::Operator,
        settings: json!({
            "address": "support@acme.example", "provider": provider, "signing_key": SECRET,
            "reply_secret": "a secret for the tests", "smtp_host": "localhost",
        }),
    };
    store.put_channel(&channel).await.unwrap();
    channel
}

fn signed(pieces: &[&str]) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    pieces.iter().for_each(|piece| mac.update(piece.as_bytes()));
    hex::encode(mac.finalize().into_bytes())
}

/// A mail as one provider posts it, under the proof of this moment and token.
async fn posted(gateway: &Gateway, channel: &Channel, (at, token): (i64, &str), text: &str) -> (u16, Value) {
    let timestamp = at.to_string();
    let signature = signed(&[&timestamp, token]);
    let fields = [
        ("sender", "ana@people.example"),
        ("recipient", "support@acme.example"),
        ("from", "Ana <ana@people.example>"),
        ("subject", "Hello"),
        ("body-plain", text),
        ("Message-Id", &format!("<{text}@people.example>")),
        ("timestamp", &timestamp),
        ("token", token),
        ("signature", &signature),
    ];
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = gateway.ask("POST", &format!("/api/webhooks/email/{}", channel.id));
    answer(request.header("content-type", "application/x-www-form-urlencoded").body(body)).await
}

#[test]
fn a_proof_is_good_for_one_delivery() {
    scenario(|gateway| async move {
        let channel = channel(&gateway, "mailgun").await;
        let at = gateway.switchboard.now() / 1_000;
        let (status, body) = posted(&gateway, &channel, (at, "token-1"), "first").await;
        assert_eq!(status, 200, "{body}");
        let (status, body) = posted(&gateway, &channel, (at, "token-1"), "forged").await;
        assert_eq!((status, body["error"]["code"].as_str()), (401, Some("INVALID_SIGNATURE")));
        let (status, body) = posted(&gateway, &channel, (at, "token-2"), "second").await;
        assert_eq!(status, 200, "{body}");
        let page = gateway.read("/api/deliveries").await;
        assert_eq!(page["total"], 2, "{page}");
    });
}

#[test]
fn a_kept_mail_keeps_its_envelope() {
    scenario(|gateway| async move {
        let channel = channel(&gateway, "generic").await;
        let mail = "From: Ana <ana@people.example>\r\nSubject: Hello\r\nMessage-ID: <1@people.example>\r\n\r\nHi\r\n";
        let timestamp = (gateway.switchboard.now() / 1_000).to_string();
        let request = gateway.ask("POST", &format!("/api/webhooks/email/{}", channel.id));
        let request = request
            .header("content-type", "message/rfc822")
            .header("x-envelope-from", "bounces@people.example")
            .header("x-envelope-to", "support@acme.example")
            .header("x-switchboard-timestamp", &timestamp)
            .header("x-switchboard-signature", format!("v1={}", signed(&[&timestamp, ".", mail])));
        let (status, body) = answer(request.body(mail)).await;
        assert_eq!(status, 200, "{body}");
        let store = &gateway.switchboard.store;
        let (deliveries, _) = store.deliveries(&gateway.acme.workspace.id, None, 10, 0).await.unwrap();
        let kept = &deliveries[0];
        let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
        let expected = [
            header("content-type", "message/rfc822"),
            header("x-envelope-from", "bounces@people.example"),
            header("x-envelope-to", "support@acme.example"),
        ];
        let mut headers = kept.raw.headers();
        headers.sort();
        assert_eq!(headers, expected);
        let again = gateway.switchboard.take_again(kept.clone()).await;
        assert_eq!(again, Ok(DeliveryOutcome::Duplicate));
    });
}

#[test]
fn an_address_of_the_vendor_is_visited_once() {
    scenario(|gateway| async move {
        let channel = channel(&gateway, "generic").await;
        let store = &gateway.switchboard.store;
        let visit = |path: &str| NewJob {
            id: store.clock().id(),
            lane: String::new(),
            work: Work::Visit { channel_id: channel.id.clone(), address: format!("{}{path}", gateway.url) },
            run_at: 0,
            cargo: None,
        };
        let jobs = vec![visit("/healthz"), visit("/api/nowhere")];
        let workspace_id = gateway.acme.workspace.id.clone();
        store.commit(Change { workspace_id: workspace_id.clone(), jobs, ..Change::default() }).await.unwrap();
        let dead = await_some("the visits to end", || async {
            let counts = store.count_jobs().await.map_err(|error| error.to_string())?;
            let over = counts.iter().all(|count| count.state == "dead");
            let dead = store.dead_jobs(&workspace_id, 10, 0).await.map_err(|error| error.to_string())?;
            if over && !dead.is_empty() { Ok(dead) } else { Err(format!("{counts:?}")) }
        })
        .await;
        assert_eq!(dead.len(), 1, "{dead:?}");
        assert!(
            dead[0].work.contains("/api/nowhere") && dead[0].last_error.as_deref() == Some("the vendor answers 404")
        );
    });
}
