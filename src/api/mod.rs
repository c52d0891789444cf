//! The HTTP doors.

/// The OpenAPI document of all operations, as JSON.
#[must_use]
pub fn openapi_json() -> String {
    "{}".to_owned()
}
