//! Whether a channel is well set up: what is asked, and what the answers mean to the person who sets it up.

use serde_json::json;
use switchboard_channels::contract::vendor::Vendor;

use super::fixtures::{ACCOUNT, json, with};

#[test]
fn questions() {
    let service = "MG00000000000000000000000000000001";
    let asked =
        |members| -> Vec<String> { with(&members).probes().into_iter().map(|probe| probe.request.url).collect() };
    let messages = format!("https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages.json?PageSize=1");
    assert_eq!(asked(json!({ "sender": "whatsapp:+14155238886" })), std::slice::from_ref(&messages));
    assert_eq!(
        asked(json!({ "sender": "+15005550006", "messaging_service_sid": service })),
        [
            messages,
            format!(
                "https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/IncomingPhoneNumbers.json?PageSize=1&PhoneNumber=%2B15005550006"
            ),
            format!("https://messaging.twilio.com/v1/Services/{service}"),
        ]
    );
}

#[test]
fn findings() {
    let settings =
        with(&json!({ "sender": "+15005550006", "messaging_service_sid": "MG00000000000000000000000000000001" }));
    for case in json("outbound/findings.json").as_array().unwrap() {
        let status = u16::try_from(case["status"].as_u64().unwrap()).unwrap();
        let probe = usize::try_from(case["probe"].as_u64().unwrap()).unwrap();
        let finding = settings.finding(probe, status, case["body"].to_string().as_bytes());
        assert_eq!(json!(finding.ok), case["ok"], "{finding:?}");
        assert!(finding.what.contains(case["what"].as_str().unwrap()), "{finding:?}");
        match case["remedy"].as_str() {
            Some(words) => assert!(finding.remedy.as_ref().unwrap().contains(words), "{finding:?}"),
            None => assert_eq!(finding.remedy, None),
        }
    }
    assert!(!settings.finding(9, 200, b"{}").ok);
}
