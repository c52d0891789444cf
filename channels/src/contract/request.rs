//! An HTTP request to a vendor, as data; `net` makes it happen.

use serde_json::Value;

/// HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// GET
    Get,
    /// POST
    Post,
    /// DELETE
    Delete,
}

/// A request to a vendor.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Method.
    pub method: Method,
    /// The whole address, without secrets.
    pub url: String,
    /// The bearer token, kept apart so that it is never logged; `None`: send no `Authorization`.
    pub bearer: Option<super::credentials::Secret>,
    /// The body.
    pub body: Body,
}

/// A request's body.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// None.
    Empty,
    /// JSON.
    Json(Value),
    /// `multipart/form-data`: text fields, then one file whose bytes `net` streams from the file store.
    Multipart {
        /// Name and value of the text fields.
        fields: Vec<(String, String)>,
        /// Field name of the file.
        file_field: String,
        /// File name to state.
        filename: String,
        /// MIME type to state.
        mime_type: String,
    },
}
