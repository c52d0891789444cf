//! Texts as points whose nearness is nearness of meaning, from a server that speaks `POST /v1/embeddings`. What comes is
//! judged like any answer: a vector that is none is a failure.

use std::time::Duration;

use serde_json::{Value, json};
use switchboard_channels::contract::credentials::Secret;
use switchboard_channels::contract::request::{Authorisation, Body, Method, Request};
use url::Url;

use super::failure::{ModelFailure, ModelFailureCode as Code};
use super::refusals;
use crate::net::{Client, NetErrorKind};

/// Largest answer that is read, in bytes: a vector of ten thousand numbers with room to spare.
const LARGEST: u64 = 1024 * 1024;
/// Most numbers of a vector.
const MOST_NUMBERS: usize = 8_192;
/// Longest text that is sent, in characters.
const LONGEST: usize = 8_000;

/// A model of embeddings behind a server.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedder {
    model: String,
    address: String,
    key: Option<Secret>,
}

impl Embedder {
    /// The model of this name below a base address, which may be given with or without `/v1`; `None`: it is no address of
    /// the web.
    #[must_use]
    pub fn new(base_url: &str, model: &str, key: Option<Secret>) -> Option<Self> {
        let mut url = Url::parse(base_url.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        let path = match url.path().trim_end_matches('/') {
            whole if whole.ends_with("/embeddings") => whole.to_owned(),
            "" => "/v1/embeddings".to_owned(),
            base => format!("{base}/embeddings"),
        };
        url.set_path(&path);
        Some(Self { model: model.to_owned(), address: url.into(), key })
    }

    /// The model's name.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Where a text lies: a vector of length 1.
    ///
    /// # Errors
    /// See [`Code`].
    pub async fn embed(&self, client: &Client, text: &str, within: Duration) -> Result<Vec<f32>, ModelFailure> {
        let input: String = text.chars().take(LONGEST).collect();
        let request = Request {
            method: Method::Post,
            url: self.address.clone(),
            authorisation: self.key.clone().map(Authorisation::Bearer),
            body: Body::Json(json!({ "model": self.model, "input": [input] })),
        };
        let asking = async {
            let mut arriving = client.open(&request, &[]).await?;
            let body = arriving.rest(LARGEST).await?;
            Ok((arriving.status(), arriving.retry_after(), body))
        };
        let answer = tokio::time::timeout(within, asking).await;
        let answer = answer.map_err(|_| ModelFailure::new(Code::Timeout, "the model did not answer in time"))?;
        let (status, hint, body) = answer.map_err(|error: crate::net::NetError| match error.kind {
            NetErrorKind::TooLarge => ModelFailure::new(Code::TooLarge, error.message),
            _ => ModelFailure::new(Code::Unavailable, error.message),
        })?;
        if status != 200 {
            return Err(refusals::of_response(status, None, hint, &body));
        }
        read(&body).ok_or_else(|| ModelFailure::new(Code::Unreadable, "the answer has no vector"))
    }
}

/// The vector of an answer, made to have the length 1.
fn read(body: &[u8]) -> Option<Vec<f32>> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let numbers = answer.pointer("/data/0/embedding")?.as_array()?;
    if numbers.len() > MOST_NUMBERS {
        return None;
    }
    let numbers: Option<Vec<f64>> = numbers.iter().map(Value::as_f64).collect();
    let numbers = numbers?;
    let length = numbers.iter().map(|number| number * number).sum::<f64>().sqrt();
    if !length.is_normal() {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "a share of 1 loses nothing that matters")]
    let unit = numbers.iter().map(|number| (number / length) as f32).collect();
    Some(unit)
}

#[cfg(test)]
mod tests {
    use super::{Embedder, read};

    #[test]
    fn addresses_are_given_as_operators_write_them() {
        let cases = [
            ("https://api.example", Some("https://api.example/v1/embeddings")),
            ("https://api.example/v1/", Some("https://api.example/v1/embeddings")),
            ("http://localhost:11434/v1/embeddings", Some("http://localhost:11434/v1/embeddings")),
            ("https://x.example/a?api-version=1", Some("https://x.example/a/embeddings?api-version=1")),
            ("localhost:11434", None),
            ("", None),
        ];
        for (base, expected) in cases {
            let made = Embedder::new(base, "m", None).map(|made| made.address);
            assert_eq!(made.as_deref(), expected, "{base}");
        }
    }

    #[test]
    fn a_vector_is_read_or_refused() {
        let cases = [
            (r#"{"data":[{"embedding":[3,4],"index":0}]}"#, Some(vec![0.6, 0.8])),
            (r#"{"data":[{"embedding":[0,0]}]}"#, None),
            (r#"{"data":[{"embedding":[]}]}"#, None),
            (r#"{"data":[{"embedding":["a"]}]}"#, None),
            (r#"{"data":[{"embedding":"AAAA"}]}"#, None),
            (r#"{"data":[]}"#, None),
            ("<html>", None),
        ];
        for (body, expected) in cases {
            assert_eq!(read(body.as_bytes()), expected, "{body}");
        }
        let long = format!(r#"{{"data":[{{"embedding":[{}1]}}]}}"#, "1,".repeat(9_000));
        assert_eq!(read(long.as_bytes()), None);
    }
}
