//! The `streamGenerateContent` protocol: where its servers listen, what they are asked, and how their stream is
//! gathered.

pub(super) mod request;
pub(super) mod stream;
