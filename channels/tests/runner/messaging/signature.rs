//! The door: the vendor's signature vectors, for both products.

use base64::Engine as _;
use serde_json::json;
use switchboard_channels::contract::vendor::Delivery;

use super::{BOTH, bytes, read_json, vendor_with};

#[test]
fn vectors() {
    for kind in BOTH {
        let vectors = read_json(kind, "signature/vectors.json");
        for vector in vectors["vectors"].as_array().unwrap() {
            let body = match vector["body_file"].as_str() {
                Some(file) => bytes(kind, file),
                None => {
                    base64::engine::general_purpose::STANDARD.decode(vector["body_base64"].as_str().unwrap()).unwrap()
                }
            };
            let vendor = vendor_with(kind, &json!({ "app_secret": vector["app_secret"] }));
            let header = vector["header"].as_str().map(|header| header.as_bytes().to_vec());
            let headers: Vec<_> = header.map(|header| ("x-hub-signature-256".to_owned(), header)).into_iter().collect();
            let accepted = vendor.verifies(&Delivery { url: "", headers: &headers, body: &body, now: 0 });
            if let Some(valid) = vector["valid"].as_bool() {
                assert_eq!(accepted, valid, "{kind:?}: {}", vector["name"]);
            }
        }
    }
}
