//! An HTTP request to a vendor, as data; `net` makes it happen.

use serde_json::Value;

use super::credentials::Secret;
use super::mail::Mail;

/// What a send is made of.
#[derive(Debug, Clone, PartialEq)]
pub enum Dispatch {
    /// A call of the vendor's API.
    Http(Request),
    /// A mail.
    Mail(Box<Mail>),
}

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

/// Stands in a [`Request::url`] for the secret of [`Authorisation::Path`].
pub const SECRET_IN_PATH: &str = "{secret}";

/// How a request proves who sends it; kept apart from the rest so that it is never logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorisation {
    /// `Authorization: Bearer …`
    Bearer(Secret),
    /// `Authorization: Basic …`
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A header of the vendor's own.
    Header {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: Secret,
    },
    /// The secret stands in the address, where it says [`SECRET_IN_PATH`].
    Path(Secret),
}

/// A request to a vendor.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Method.
    pub method: Method,
    /// The whole address, without secrets.
    pub url: String,
    /// The proof; `None`: the request carries none.
    pub authorisation: Option<Authorisation>,
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
    /// `application/x-www-form-urlencoded`: names and values in order, names may repeat.
    Form(Vec<(String, String)>),
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
