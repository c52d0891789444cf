//! Calls of the vendor's graph: address, version and token of one account. It sends nothing.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::contract::credentials::Secret;
use crate::contract::request::{Authorisation, Body, Method, Request};

/// What may stand in a path segment or a query value as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// Where the graph is, and who asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Graph<'a> {
    pub(crate) base_url: &'a str,
    pub(crate) api_version: &'a str,
    pub(crate) access_token: &'a Secret,
}

impl Graph<'_> {
    /// A question; the path has its parts encoded already.
    pub(crate) fn get(&self, path: &str) -> Request {
        let base = self.base_url.trim_end_matches('/');
        Request {
            method: Method::Get,
            url: format!("{base}/{}/{path}", encoded(self.api_version)),
            // In the header, never in the query: addresses end up in logs.
            authorisation: Some(Authorisation::Bearer(self.access_token.clone())),
            body: Body::Empty,
        }
    }

    /// A call with a body.
    pub(crate) fn post(&self, path: &str, body: Body) -> Request {
        Request { method: Method::Post, body, ..self.get(path) }
    }
}

/// A text as a path segment or a query value.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}
