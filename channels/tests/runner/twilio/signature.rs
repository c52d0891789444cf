//! The door: signatures over addresses and forms, and the address as the vendor called it.

use proptest::prelude::*;
use serde_json::json;
use switchboard_channels::contract::address::{Knock, public_address};
use switchboard_channels::contract::vendor::{Delivery, Untaken, Vendor};
use switchboard_channels::twilio::verify::{Unverified, signature};

use super::fixtures::{FORM, TOKEN, URL, addressee, bytes, headers, json, sign, with};

#[test]
fn vectors() {
    let vectors = json("signature/vectors.json");
    let cases = vectors["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 57);
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let key = case["auth_token"].as_str().unwrap();
        let settings = match case["algorithm"].as_str() {
            Some(_) => with(&json!({ "signature_algorithm": "HMAC_SHA256", "shared_keys": key, "auth_tokens": [key] })),
            None => with(&json!({ "auth_token": key })),
        };
        let stated = case["headers"].as_object().unwrap().iter();
        let mut headers: Vec<(String, Vec<u8>)> =
            stated.map(|(name, value)| (name.to_lowercase(), value.as_str().unwrap().as_bytes().to_vec())).collect();
        headers.extend(case["content_type"].as_str().map(|kind| ("content-type".to_owned(), kind.as_bytes().to_vec())));
        let (url, body) = (case["url"].as_str().unwrap(), case["body"].as_str().unwrap().as_bytes());
        let delivery = Delivery { url, headers: &headers, body, now: 0 };
        let outcome = signature(&delivery, &settings);
        assert_eq!(outcome.is_ok(), case["valid"] == true, "{name}: {outcome:?}");
        let reason = match outcome {
            Ok(_) => None,
            Err(Unverified::Missing) => Some("missing signature"),
            Err(Unverified::Algorithm) => Some("unsupported algorithm"),
            Err(Unverified::BodyHash) => Some("body hash mismatch"),
            Err(Unverified::Malformed | Unverified::Mismatch) => Some("signature mismatch"),
        };
        assert_eq!(reason, case["reason"].as_str(), "{name}");
        // The first of two tokens may be another one.
        let rotating = with(&json!({ "auth_token": "another", "auth_tokens": ["third", key] }));
        if case["algorithm"].is_null() {
            assert_eq!(rotating.verifies(&delivery), case["valid"] == true, "{name}");
        }
    }
}

#[test]
fn a_json_body_must_be_covered_by_the_address() {
    let settings = with(&json!({}));
    for kind in ["application/json", "text/plain", "multipart/form-data; boundary=x"] {
        let headers = headers(kind, &sign(URL, b"", TOKEN));
        let delivery = Delivery { url: URL, headers: &headers, body: b"{}", now: 0 };
        assert_eq!(signature(&delivery, &settings).unwrap_err(), Unverified::BodyHash, "{kind}");
        assert_eq!(settings.take(&delivery), Err(Untaken::Unverified), "{kind}");
    }
}

#[test]
fn an_algorithm_is_taken_only_where_it_is_set() {
    let body = b"MessageSid=SM1";
    let by_token = headers(FORM, &sign(URL, body, TOKEN));
    let delivery = Delivery { url: URL, headers: &by_token, body, now: 0 };
    let strict = with(&json!({ "signature_algorithm": "HMAC_SHA256", "shared_key": TOKEN }));
    assert_eq!(signature(&delivery, &strict).unwrap_err(), Unverified::Algorithm);
    let both = with(&json!({ "signature_algorithm": "either", "shared_key": "other" }));
    assert!(both.verifies(&delivery));
    let mut stated = by_token.clone();
    stated.push(("x-twilio-webhooks-signature-settings".to_owned(), b"key=k,algorithm=HMAC_SHA256".to_vec()));
    let claimed = Delivery { headers: &stated, ..delivery };
    assert_eq!(signature(&claimed, &with(&json!({}))).unwrap_err(), Unverified::Algorithm);
    assert_eq!(signature(&claimed, &both).unwrap_err(), Unverified::Malformed);
}

#[test]
fn no_key_and_an_empty_key_open_nothing() {
    let body = b"MessageSid=SM1";
    let headers = headers(FORM, &sign(URL, body, ""));
    let delivery = Delivery { url: URL, headers: &headers, body, now: 0 };
    for settings in [json!({ "auth_token": "" }), json!({ "auth_token": null }), json!({ "auth_tokens": [""] })] {
        assert_eq!(signature(&delivery, &with(&settings)).unwrap_err(), Unverified::Mismatch, "{settings}");
    }
}

#[test]
fn public_addresses() {
    let cases = json("signature/url-reconstruction.json");
    let more = json("signature/addresses.json");
    for case in cases["cases"].as_array().unwrap().iter().chain(more.as_array().unwrap()) {
        let stated = case["headers"].as_object().unwrap().iter();
        let headers: Vec<(String, Vec<u8>)> =
            stated.map(|(name, value)| (name.clone(), value.as_str().unwrap().as_bytes().to_vec())).collect();
        let knock = Knock {
            target: case["request_target"].as_str().unwrap(),
            headers: &headers,
            public_base: case["public_base_url"].as_str(),
            trusted_proxy: case["trust_forwarded"] == true,
            secure: case["secure"] == true,
        };
        assert_eq!(public_address(&knock).as_deref(), case["expected_url"].as_str(), "{}", case["name"]);
    }
}

fn pieces(name: &str) -> Vec<String> {
    String::from_utf8(bytes(name)).unwrap().split('&').map(str::to_owned).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// The order of a form is not signed, and everything else is.
    #[test]
    fn shuffled_and_changed_forms(
        shuffled in Just(pieces("inbound/wa-ad-referral.form")).prop_shuffle(),
        at in any::<prop::sample::Index>(),
        character in "[A-Za-z0-9]",
    ) {
        let original = bytes("inbound/wa-ad-referral.form");
        let settings = addressee(&original);
        let headers = headers(FORM, &sign(URL, &original, TOKEN));
        let heard = |pieces: &[String]| {
            let body = pieces.join("&").into_bytes();
            settings.verifies(&Delivery { url: URL, headers: &headers, body: &body, now: 0 })
        };
        prop_assert!(heard(&shuffled));
        let mut changed = shuffled.clone();
        let at = at.index(changed.len());
        changed[at].push_str(&character);
        prop_assert!(!heard(&changed));
        changed.remove(at);
        prop_assert!(!heard(&changed));
    }

    /// Whatever port stands in the address, the vendor may have signed it with or without.
    #[test]
    fn ports(port in 1_u16.., path in "/[a-z%0-9@:.]{0,12}(\\?[a-z=&@:/%0-9]{0,12})?", with_port in any::<bool>()) {
        let bare = format!("https://gw.example.com{path}");
        let full = format!("https://gw.example.com:{port}{path}");
        let signed = if with_port { &full } else { &bare };
        let headers = headers(FORM, &sign(signed, b"a=1", TOKEN));
        let settings = with(&json!({}));
        let heard = |url: &str| settings.verifies(&Delivery { url, headers: &headers, body: b"a=1", now: 0 });
        prop_assert!(heard(&full));
        prop_assert_eq!(heard(&bare), !with_port || port == 443);
    }
}
