//! Parts of an SMS, as the vendor counts them.

use serde_json::json;
use switchboard_channels::twilio::segments::segments;

use super::fixtures::json;

#[test]
fn vectors() {
    let vectors = json("outbound/sms-segments.json");
    let cases = vectors["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 35);
    for case in cases {
        let counted = segments(case["text"].as_str().unwrap());
        let bits = counted.units * if case["encoding"] == "GSM-7" { 7 } else { 16 };
        assert_eq!(json!(counted.encoding), case["encoding"], "{}", case["name"]);
        assert_eq!(json!(counted.count), case["segments"], "{}", case["name"]);
        assert_eq!(json!(bits), case["bits"], "{}", case["name"]);
    }
}

#[test]
fn room_in_the_last_part() {
    for (text, left) in [("", 160), ("a", 159), ("€", 158), ("ы", 69), ("😀", 68)] {
        assert_eq!(segments(text).left, left, "{text}");
    }
    assert_eq!(segments(&"x".repeat(161)).left, 153 - 8);
    // The euro does not fit beside 152 letters, and begins the second part.
    assert_eq!(segments(&format!("{}€{}", "x".repeat(152), "y".repeat(10))).left, 153 - 12);
}
