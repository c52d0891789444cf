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

/// Most texts that may be asked about at once.
pub const MOST_TEXTS: usize = 32;
/// Largest answer that is read, in bytes: as many vectors of the greatest length, with room to spare.
const LARGEST: u64 = 8 * 1024 * 1024;
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

/// Where texts lie.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    /// A vector of length 1 for each text, in their order.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens read, as the server reports them; 0 where it does not.
    pub tokens: u64,
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

    /// Whether it is asked with a key: on an account that the installation pays.
    #[must_use]
    pub const fn is_paid(&self) -> bool {
        self.key.is_some()
    }

    /// Where texts lie.
    ///
    /// # Errors
    /// See [`Code`].
    pub async fn embed(&self, client: &Client, texts: &[&str], within: Duration) -> Result<Embedded, ModelFailure> {
        let input: Vec<String> = texts.iter().map(|text| text.chars().take(LONGEST).collect()).collect();
        let request = Request {
            method: Method::Post,
            url: self.address.clone(),
            authorisation: self.key.clone().map(Authorisation::Bearer),
            body: Body::Json(json!({ "model": self.model, "input": input })),
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
        let read = read(&body, texts.len());
        read.ok_or_else(|| ModelFailure::new(Code::Unreadable, "the answer has not a vector for each text"))
    }
}

/// The vectors of an answer, one for each of so many texts, in their order.
fn read(body: &[u8], texts: usize) -> Option<Embedded> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let data = answer.get("data")?.as_array().filter(|data| data.len() == texts)?;
    let mut vectors: Vec<Option<Vec<f32>>> = vec![None; texts];
    for (place, one) in data.iter().enumerate() {
        let index =
            one.get("index").and_then(Value::as_u64).map_or(Some(place), |index| usize::try_from(index).ok())?;
        *vectors.get_mut(index)? = Some(vector(one.get("embedding")?)?);
    }
    let tokens = answer.pointer("/usage/prompt_tokens").or_else(|| answer.pointer("/usage/total_tokens"));
    let vectors: Option<Vec<_>> = vectors.into_iter().collect();
    Some(Embedded { vectors: vectors?, tokens: tokens.and_then(Value::as_u64).unwrap_or_default() })
}

/// A vector, made to have the length 1.
fn vector(numbers: &Value) -> Option<Vec<f32>> {
    let numbers = numbers.as_array().filter(|numbers| numbers.len() <= MOST_NUMBERS)?;
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
    fn vectors_are_read_or_refused() {
        let one = |tokens: u64| Some((vec![vec![0.6, 0.8]], tokens));
        let cases = [
            (r#"{"data":[{"embedding":[3,4],"index":0}],"usage":{"prompt_tokens":7,"total_tokens":7}}"#, 1, one(7)),
            (r#"{"data":[{"embedding":[3,4]}],"usage":{"total_tokens":5}}"#, 1, one(5)),
            (r#"{"data":[{"embedding":[3,4]}],"usage":{"prompt_tokens":"many"}}"#, 1, one(0)),
            (
                r#"{"data":[{"embedding":[0,2],"index":1},{"embedding":[2,0],"index":0}]}"#,
                2,
                Some((vec![vec![1.0, 0.0], vec![0.0, 1.0]], 0)),
            ),
            (r#"{"data":[{"embedding":[3,4],"index":0},{"embedding":[3,4],"index":0}]}"#, 2, None),
            (r#"{"data":[{"embedding":[3,4],"index":9}]}"#, 1, None),
            (r#"{"data":[{"embedding":[3,4]}]}"#, 2, None),
            (r#"{"data":[{"embedding":[3,4]},{"embedding":[3,4]}]}"#, 1, None),
            (r#"{"data":[{"embedding":[0,0]}]}"#, 1, None),
            (r#"{"data":[{"embedding":[]}]}"#, 1, None),
            (r#"{"data":[{"embedding":["a"]}]}"#, 1, None),
            (r#"{"data":[{"embedding":"AAAA"}]}"#, 1, None),
            (r#"{"data":[]}"#, 1, None),
            ("<html>", 1, None),
        ];
        for (body, texts, expected) in cases {
            let read = read(body.as_bytes(), texts).map(|read| (read.vectors, read.tokens));
            assert_eq!(read, expected, "{body}");
        }
        let long = format!(r#"{{"data":[{{"embedding":[{}1]}}]}}"#, "1,".repeat(9_000));
        assert_eq!(read(long.as_bytes(), 1), None);
    }
}
