//! Setting members of JSON documents that are being built. An index would panic where this does nothing.

use serde_json::Value;

/// Sets a member of an object.
pub fn set(document: &mut Value, key: &str, value: Value) {
    if let Some(members) = document.as_object_mut() {
        members.insert(key.to_owned(), value);
    }
}

/// Sets a member of the object under a pointer.
pub fn set_under(document: &mut Value, pointer: &str, key: &str, value: Value) {
    if let Some(inner) = document.pointer_mut(pointer) {
        set(inner, key, value);
    }
}
