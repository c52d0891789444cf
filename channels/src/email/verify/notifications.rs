//! Signatures of SNS notifications. Anybody can make the vendor sign anything, so the topic counts as much as the
//! signature; and a certificate is believed for where it came from.

use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, RsaParameters, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use url::Url;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::der::pem::decode_vec;

use super::Unverified;
use crate::contract::vendor::Delivery;
use crate::email::wire::{moment, text};
use crate::email::{Provider, Settings};

/// How old a notification may be, in milliseconds: so long the vendor tries again.
const WINDOW: i64 = 60 * 60 * 1_000;

/// Verifies a notification against the certificates of the settings.
pub(super) fn verify(settings: &Settings, delivery: &Delivery<'_>) -> Result<(), Unverified> {
    let body = claimed(settings, delivery.body)?;
    let algorithm: &'static RsaParameters = match text(&body, "/SignatureVersion").as_deref() {
        Some("2") => &RSA_PKCS1_2048_8192_SHA256,
        Some("1") if settings.allow_sha1 => &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
        _ => return Err(Unverified::Malformed),
    };
    let signed = string_to_sign(&body).ok_or(Unverified::Malformed)?;
    let signature = text(&body, "/Signature").ok_or(Unverified::Missing)?;
    let signature = STANDARD.decode(signature).map_err(|_| Unverified::Malformed)?;
    let at = moment(&body, "/Timestamp").ok_or(Unverified::Malformed)?;
    if delivery.now.abs_diff(at) > WINDOW.unsigned_abs() {
        return Err(Unverified::Stale);
    }
    let keys: Vec<Vec<u8>> = settings.signing_certificates.iter().filter_map(|pem| key(pem, delivery.now)).collect();
    if keys.is_empty() {
        return Err(Unverified::UnknownCertificate);
    }
    let made = |key: Vec<u8>| UnparsedPublicKey::new(algorithm, key).verify(signed.as_bytes(), &signature).is_ok();
    if keys.into_iter().any(made) { Ok(()) } else { Err(Unverified::Mismatch) }
}

/// Where the certificate of a delivery is, when none of the settings' has signed it. The address is the vendor's own,
/// by https; that is why its certificate is believed.
#[must_use]
pub fn certificate_needed(settings: &Settings, delivery: &Delivery<'_>) -> Option<String> {
    if settings.provider != Provider::Ses || verify(settings, delivery).is_ok() {
        return None;
    }
    text(&claimed(settings, delivery.body).ok()?, "/SigningCertURL")
}

/// The body, if it claims to be of a topic of ours and signed by a certificate of the vendor's.
fn claimed(settings: &Settings, body: &[u8]) -> Result<Value, Unverified> {
    let body: Value = serde_json::from_slice(body).map_err(|_| Unverified::Malformed)?;
    let topic = text(&body, "/TopicArn").ok_or(Unverified::Missing)?;
    if !settings.topic_arns.contains(&topic) {
        return Err(Unverified::Mismatch);
    }
    let url = text(&body, "/SigningCertURL").ok_or(Unverified::Missing)?;
    let certificate = is_notifier(&url) && Url::parse(&url).is_ok_and(|url| url.path().ends_with(".pem"));
    if certificate { Ok(body) } else { Err(Unverified::Malformed) }
}

/// Whether an address is one of the notification service's own: `https://sns.REGION.amazonaws.com/…`.
#[must_use]
pub fn is_notifier(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let plain =
        url.scheme() == "https" && url.username().is_empty() && url.password().is_none() && url.port().is_none();
    let host = url.host_str().unwrap_or_default();
    let host = host.strip_suffix(".cn").unwrap_or(host);
    let region = host.strip_prefix("sns.").and_then(|host| host.strip_suffix(".amazonaws.com")).unwrap_or_default();
    plain && region.len() >= 3 && region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// What the vendor signs: names and decoded values, a line each.
fn string_to_sign(body: &Value) -> Option<String> {
    let names: &[&str] = match text(body, "/Type")?.as_str() {
        "Notification" => &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
        "SubscriptionConfirmation" | "UnsubscribeConfirmation" => {
            &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
        }
        _ => return None,
    };
    let lines = names.iter().filter_map(|name| Some(format!("{name}\n{}\n", body.get(name)?.as_str()?)));
    Some(lines.collect())
}

/// The public key of a certificate that is valid now.
fn key(pem: &str, now: i64) -> Option<Vec<u8>> {
    let certificate = certificate(pem)?.tbs_certificate;
    let from = certificate.validity.not_before.to_unix_duration().as_millis();
    let until = certificate.validity.not_after.to_unix_duration().as_millis();
    let now = u128::try_from(now).ok()?;
    let key = certificate.subject_public_key_info.subject_public_key.as_bytes()?.to_vec();
    (from..=until).contains(&now).then_some(key)
}

/// Whether a text is a certificate.
#[must_use]
pub fn is_certificate(pem: &str) -> bool {
    certificate(pem).is_some()
}

/// In two steps: read straight from its PEM, a certificate that is cut short is waited for without end.
fn certificate(pem: &str) -> Option<Certificate> {
    let (label, der) = decode_vec(pem.trim().as_bytes()).ok()?;
    (label == "CERTIFICATE").then(|| Certificate::from_der(&der).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::is_certificate;

    #[test]
    fn what_is_no_certificate_is_told_at_once() {
        let pem = |body: &str| format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
        for body in ["", "QQ==", "MA==", "MAA=", "MIIBATCB", "====", "not base64", "MIL/////", "MIIBCgKCAQEA"] {
            assert!(!is_certificate(&pem(body)), "{body}");
        }
        assert!(!is_certificate("") && !is_certificate("-----BEGIN CERTIFICATE-----"));
    }
}
