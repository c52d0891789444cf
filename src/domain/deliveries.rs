//! The ledger of raw vendor deliveries: each ends in a visible outcome.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use switchboard_channels::contract::vendor::{Delivery, KEPT_HEADERS};

/// The header that says of what kind a body is.
const CONTENT_TYPE: &str = "content-type";

/// How a delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryOutcome {
    /// Written down, its events not yet; a crash now is repaired at the next start.
    Pending,
    /// At least one event was stored.
    Stored,
    /// Everything in it was known already.
    Duplicate,
    /// Nothing in it concerned us; `detail` says why.
    Ignored,
    /// It could not be handled; it can be run again.
    DeadLetter,
}

impl DeliveryOutcome {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Stored => "stored",
            Self::Duplicate => "duplicate",
            Self::Ignored => "ignored",
            Self::DeadLetter => "dead_letter",
        }
    }

    /// Reads the stored word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Pending, Self::Stored, Self::Duplicate, Self::Ignored, Self::DeadLetter]
            .into_iter()
            .find(|outcome| outcome.as_str() == word)
    }

    /// The outcome of a whole from those of its parts: what was stored wins over what was known, a failure over all.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        const fn weight(outcome: DeliveryOutcome) -> u8 {
            match outcome {
                DeliveryOutcome::Ignored => 0,
                DeliveryOutcome::Duplicate => 1,
                DeliveryOutcome::Stored => 2,
                DeliveryOutcome::Pending => 3,
                DeliveryOutcome::DeadLetter => 4,
            }
        }
        if weight(other) > weight(self) { other } else { self }
    }
}

/// What is kept of a delivery: its body, and of the rest what it takes to read it again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RawDelivery {
    /// The body as it came; in base64 where it was no text.
    pub body: String,
    /// What the body alone does not say; absent for JSON at an address without a query.
    pub envelope: Option<Envelope>,
}

/// What a body alone does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The address as the vendor called it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// `Content-Type`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Further headers that the body cannot be read without, in order, names in lower case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// The body is kept in base64.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub base64: bool,
}

impl RawDelivery {
    /// Keeps a delivery.
    #[must_use]
    pub fn keep(delivery: &Delivery<'_>) -> Self {
        let text = std::str::from_utf8(delivery.body).ok().filter(|text| !text.contains('\0'));
        let content_type = delivery.text_header(CONTENT_TYPE).filter(|stated| !stated.starts_with("application/json"));
        let kept = |name: &String| name != CONTENT_TYPE && KEPT_HEADERS.contains(&name.as_str());
        let headers = delivery.headers.iter().filter(|(name, _)| kept(name));
        let headers = headers.filter_map(|(name, value)| Some((name.clone(), String::from_utf8(value.clone()).ok()?)));
        let envelope = Envelope {
            headers: headers.collect(),
            url: delivery.url.contains('?').then(|| delivery.url.to_owned()),
            content_type: content_type.map(str::to_owned),
            base64: text.is_none(),
        };
        Self {
            body: text.map_or_else(|| STANDARD.encode(delivery.body), str::to_owned),
            envelope: (envelope != Envelope::default()).then_some(envelope),
        }
    }

    /// The body, byte for byte.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let encoded = self.envelope.as_ref().is_some_and(|envelope| envelope.base64);
        let decoded = encoded.then(|| STANDARD.decode(&self.body).ok()).flatten();
        decoded.unwrap_or_else(|| self.body.as_bytes().to_vec())
    }

    /// The headers that were kept.
    #[must_use]
    pub fn headers(&self) -> Vec<(String, Vec<u8>)> {
        let Some(envelope) = &self.envelope else { return Vec::new() };
        let stated = envelope.content_type.iter().map(|stated| (CONTENT_TYPE.to_owned(), stated.as_bytes().to_vec()));
        let further = envelope.headers.iter().map(|(name, value)| (name.clone(), value.as_bytes().to_vec()));
        stated.chain(further).collect()
    }

    /// The address as the vendor called it, where it said more than the path.
    #[must_use]
    pub fn url(&self) -> &str {
        self.envelope.as_ref().and_then(|envelope| envelope.url.as_deref()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use switchboard_channels::contract::vendor::Delivery;

    use super::RawDelivery;

    fn header(name: &str, value: &str) -> (String, Vec<u8>) {
        (name.to_owned(), value.as_bytes().to_vec())
    }

    #[test]
    fn a_kept_delivery_can_be_read_again() {
        let envelope = [
            header("content-type", "message/rfc822"),
            header("x-envelope-from", ""),
            header("x-envelope-to", "one@acme.example"),
            header("x-envelope-to", "two@acme.example"),
        ];
        let cases = [
            ("", &envelope[..0], &b"{}"[..]),
            ("", &envelope[..], b"Subject: mail\r\n\r\n"),
            ("https://here.example/?a=b", &envelope[..1], b"\xff\x00"),
            ("", &envelope[1..2], b"nul \0 inside"),
        ];
        for (url, headers, body) in cases {
            let kept = RawDelivery::keep(&Delivery { url, headers, body, now: 0 });
            let envelope = kept.envelope.map(|envelope| serde_json::to_string(&envelope).expect("it is written"));
            let envelope = envelope.map(|text| serde_json::from_str(&text).expect("it is read"));
            let again = RawDelivery { body: kept.body, envelope };
            assert_eq!(
                (again.url(), again.headers(), again.bytes()),
                (url, headers.to_vec(), body.to_vec()),
                "{body:?}"
            );
        }
        let secrets = [header("authorization", "Basic secret"), header("x-forwarded-for", "10.0.0.1")];
        let kept = RawDelivery::keep(&Delivery { url: "", headers: &secrets, body: b"{}", now: 0 });
        assert_eq!(kept.envelope, None, "nothing else is kept");
    }
}
