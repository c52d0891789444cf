//! Content in words, case by case.

use std::collections::BTreeSet;

use serde_json::Value;
use switchboard_channels::contract::content::Content;

use crate::fixtures::json;

#[test]
fn every_type_has_words() {
    let mut seen = BTreeSet::new();
    for case in json("../plain.json").as_array().unwrap() {
        let content: Content =
            serde_json::from_value(case[0].clone()).unwrap_or_else(|error| panic!("{error}: {case}"));
        assert_eq!(Value::String(content.plain()), case[1]);
        assert_eq!(case[0]["type"], content.kind());
        seen.insert(content.kind());
    }
    assert_eq!(seen.len(), 20, "types without a case; only {seen:?}");
}
