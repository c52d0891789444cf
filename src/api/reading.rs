//! What a request asks, read within its limits: bodies, query strings and ids, with every failing field named. It
//! judges shapes only, and it reads nothing before a handler has looked at the credential.

use std::ops::RangeInclusive;

use actix_web::{HttpMessage as _, HttpRequest, web};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Doors;
use super::failure::Failure;
use crate::domain::errors::{Code, FieldProblem};

/// Longest idempotency key, in characters.
const LONGEST_KEY: usize = 255;

/// Reads a raw body of at most `limit` bytes within its time.
///
/// # Errors
/// 400 for a body that breaks off, 408 for one that does not arrive, 413 for one that is too large.
pub async fn body(
    request: &HttpRequest,
    doors: &Doors,
    mut payload: web::Payload,
    limit: usize,
) -> Result<Bytes, Failure> {
    if stated_size(request).is_some_and(|stated| stated > limit) {
        return Err(too_large(request, limit));
    }
    let reading = async {
        let mut first: Option<Bytes> = None;
        let mut whole = BytesMut::new();
        while let Some(piece) = payload.next().await {
            let piece = piece.map_err(|_| Failure::new(request, Code::InvalidRequest, "the body broke off"))?;
            if first.as_ref().map_or(0, Bytes::len) + whole.len() + piece.len() > limit {
                return Err(too_large(request, limit));
            }
            // The usual body is one piece, which is handed on without copying.
            match (&first, whole.is_empty()) {
                (None, true) => first = Some(piece),
                (Some(begun), true) => {
                    whole.extend_from_slice(begun);
                    whole.extend_from_slice(&piece);
                    first = None;
                }
                _ => whole.extend_from_slice(&piece),
            }
        }
        Ok(first.unwrap_or_else(|| whole.freeze()))
    };
    match tokio::time::timeout(doors.options.body_timeout, reading).await {
        Ok(read) => read,
        Err(_) => Err(Failure::new(request, Code::RequestTimeout, "the body did not arrive in time")),
    }
}

/// Reads a JSON body of the documented shape.
///
/// # Errors
/// 400 with the failing field, 415 for another type, and those of [`body`].
pub async fn json<T: DeserializeOwned>(
    request: &HttpRequest,
    doors: &Doors,
    payload: web::Payload,
) -> Result<T, Failure> {
    if !request.content_type().eq_ignore_ascii_case("application/json") {
        return Err(Failure::new(request, Code::UnsupportedMediaType, "send Content-Type: application/json"));
    }
    let bytes = body(request, doors, payload, doors.options.body_bytes).await?;
    // A list would be taken for the members of an object in their order.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(Failure::fields(request, &[FieldProblem::new("body", "a JSON object")]));
    }
    parse(&bytes).map_err(|problem| Failure::fields(request, &[problem]))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, FieldProblem> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    match serde_path_to_error::deserialize(&mut reader) {
        Ok(read) => {
            let nothing_more = reader.end();
            nothing_more.map(|()| read).map_err(|_| FieldProblem::new("body", "one JSON value and nothing after it"))
        }
        Err(error) => {
            // JSON knows numbers alone: 5.0 is the whole number 5. Hardly anybody writes it, so only a refusal looks for it.
            let mut value = serde_json::from_slice(bytes).unwrap_or_default();
            let again = is_rounded(&mut value).then(|| T::deserialize(value).ok()).flatten();
            again.ok_or_else(|| {
                let path = error.path().to_string();
                let field = if path == "." { "body".to_owned() } else { path };
                FieldProblem::new(field, error.into_inner().to_string())
            })
        }
    }
}

/// Writes whole numbers without their fraction of zero; whether there were any.
fn is_rounded(value: &mut Value) -> bool {
    match value {
        Value::Number(number) => {
            let text = number.to_string();
            let whole = text.strip_suffix(".0").and_then(|whole| whole.parse::<i64>().ok());
            if let Some(whole) = whole {
                *number = whole.into();
            }
            whole.is_some()
        }
        Value::Array(items) => items.iter_mut().map(is_rounded).filter(|found| *found).count() > 0,
        Value::Object(members) => members.values_mut().map(is_rounded).filter(|found| *found).count() > 0,
        _ => false,
    }
}

/// The caller's `Idempotency-Key`, where there is one.
///
/// # Errors
/// 400 for one that is not as documented.
pub fn idempotency_key(request: &HttpRequest) -> Result<Option<String>, Failure> {
    let Some(value) = request.headers().get("idempotency-key") else { return Ok(None) };
    let text = value
        .to_str()
        .ok()
        .filter(|text| (1..=LONGEST_KEY).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()));
    let expected = format!("1 to {LONGEST_KEY} visible ASCII characters");
    text.map(|text| Some(text.to_owned()))
        .ok_or_else(|| Failure::fields(request, &[FieldProblem::new("Idempotency-Key", expected)]))
}

/// How large the request says its body is.
#[must_use]
pub fn stated_size(request: &HttpRequest) -> Option<usize> {
    request.headers().get("content-length")?.to_str().ok()?.parse().ok()
}

/// The body is larger than `limit` bytes.
#[must_use]
pub fn too_large(request: &HttpRequest, limit: usize) -> Failure {
    Failure::new(request, Code::PayloadTooLarge, format!("a body holds at most {limit} bytes here"))
}

/// An id of the address in its stored form. What is no id names nothing.
///
/// # Errors
/// 404.
pub fn id(request: &HttpRequest, text: &str, what: &str) -> Result<String, Failure> {
    let id = (text.len() == 36).then(|| uuid::Uuid::try_parse(text).ok()).flatten();
    id.map(|id| id.to_string()).ok_or_else(|| Failure::not_found(request, what))
}

/// The query string, read field by field.
pub struct Query {
    pairs: Vec<(String, String)>,
    problems: Vec<FieldProblem>,
}

impl Query {
    /// The query of a request.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Self {
        let pairs = url::form_urlencoded::parse(request.query_string().as_bytes()).into_owned().collect();
        Self { pairs, problems: Vec::new() }
    }

    /// A text, where it is given.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    }

    /// A number within a range, where it is given.
    pub fn number(&mut self, name: &str, range: RangeInclusive<i64>) -> Option<i64> {
        let text = self.text(name)?;
        let number = text.parse().ok().filter(|number| range.contains(number));
        if number.is_none() {
            let expected = if *range.end() == i64::MAX {
                format!("a whole number from {}", range.start())
            } else {
                format!("a whole number from {} to {}", range.start(), range.end())
            };
            self.problems.push(FieldProblem::new(name, expected));
        }
        number
    }

    /// One of some words, where it is given.
    pub fn word<T>(&mut self, name: &str, expected: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let text = self.text(name)?;
        let word = read(&text);
        if word.is_none() {
            self.problems.push(FieldProblem::new(name, expected));
        }
        word
    }

    /// Says that a field has to be there.
    pub fn need(&mut self, name: &str, expected: &str) {
        if self.text(name).is_none() {
            self.problems.push(FieldProblem::new(name, expected));
        }
    }

    /// The page of a list: `limit` (1 to 100, else 20) and `offset` (from 0).
    pub fn page(&mut self) -> (i64, i64) {
        (self.number("limit", 1..=100).unwrap_or(20), self.number("offset", 0..=i64::MAX).unwrap_or(0))
    }

    /// Whether all that was read had its documented shape.
    ///
    /// # Errors
    /// 400 with every failing field.
    pub fn check(self, request: &HttpRequest) -> Result<(), Failure> {
        if self.problems.is_empty() { Ok(()) } else { Err(Failure::fields(request, &self.problems)) }
    }
}

/// The page of a list, as the document describes it.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what `Query::page` reads")]
pub struct Page {
    /// Most items to give.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
    /// Items to leave out before the first.
    #[param(minimum = 0, default = 0)]
    offset: Option<i64>,
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use serde_json::{Value, json};

    use super::{Query, id, parse};

    #[test]
    fn ids_are_uuids_in_their_usual_form() {
        let request = TestRequest::default().to_http_request();
        let good = "0198C1D2-7E00-7000-8000-000000000001";
        assert_eq!(id(&request, good, "agent").unwrap(), good.to_ascii_lowercase());
        for bad in ["", "1", "0198c1d27e0070008000000000000001", "{0198c1d2-7e00-7000-8000-00000000000}", "%", "%27"] {
            assert!(id(&request, bad, "agent").is_err(), "{bad}");
        }
    }

    #[test]
    fn a_whole_number_may_be_written_with_a_fraction_of_zero() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Asked {
            at: i64,
            much: Value,
        }
        for (text, at, much) in [
            (r#"{"at":5,"much":1.0}"#, 5, json!(1.0)),
            (r#"{"at":-5.0,"much":[1.5,2.0]}"#, -5, json!([1.5, 2])),
            (r#"{"at":1e3,"much":null}"#, 1000, json!(null)),
        ] {
            let asked: Asked = parse(text.as_bytes()).unwrap_or_else(|problem| panic!("{text}: {problem:?}"));
            assert_eq!((asked.at, asked.much), (at, much), "{text}");
        }
        for (text, field) in [
            (r#"{"at":5.5,"much":1}"#, "at"),
            (r#"{"at":"5.0","much":1.0}"#, "at"),
            (r#"{"at":1e300,"much":1.0}"#, "at"),
            (r#"{"at":5,"much":1} 1"#, "body"),
            (r#"{"at":5.0,"much":1} 1"#, "at"),
        ] {
            assert_eq!(parse::<Asked>(text.as_bytes()).unwrap_err().field, field, "{text}");
        }
    }

    #[test]
    fn every_failing_field_of_a_query_is_named() {
        let request = TestRequest::with_uri("/?limit=0&offset=-1&outcome=lost").to_http_request();
        let mut query = Query::of(&request);
        query.page();
        assert_eq!(query.word("outcome", "stored", |word| (word == "stored").then_some(())), None);
        assert_eq!(
            query.problems.iter().map(|problem| problem.field.as_str()).collect::<Vec<_>>(),
            ["limit", "offset", "outcome"]
        );
        assert!(query.check(&request).is_err());
    }
}
