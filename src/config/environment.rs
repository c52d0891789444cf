//! The process's environment: read here and nowhere else, then handed on as data.

use std::collections::BTreeMap;

/// The variables of this process whose names and values are Unicode.
#[must_use]
pub fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
