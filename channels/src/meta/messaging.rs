//! What Instagram and Messenger share: the messaging webhook and the Send API. Each product says in its own folder how
//! it differs, as a [`Product`]; nothing here knows which of them it serves.

pub(crate) mod access;
pub(crate) mod outcome;
pub(crate) mod parse;
pub(crate) mod render;
mod wire;

use crate::contract::capabilities::Capabilities;

/// How a product differs from its sibling.
#[derive(Debug)]
pub(crate) struct Product {
    /// The product's name, for people.
    pub(crate) name: &'static str,
    /// The `object` of its deliveries.
    pub(crate) object: &'static str,
    /// How ids of accounts of ours begin, where people's ids do not.
    pub(crate) account_prefix: Option<&'static str>,
    /// What it can carry, while the window has its usual length.
    pub(crate) capabilities: Capabilities,
    /// What a send carries comes back in its echo.
    pub(crate) tracks: bool,
    /// Files that the vendor has can be sent by its id, and those that it fetches can be kept for that.
    pub(crate) keeps_files: bool,
}

/// Stands before our message id in what a send carries, so that another tool's marks are not taken for ours.
const MARK: &str = "msg:";
/// Begins the ids of events that the vendor gives none; no vendor's id begins so.
const DERIVED: &str = "event:";
/// The vendor's names of reactions, each with its emoji and others that look alike.
const REACTIONS: [(&str, &[&str]); 7] = [
    ("love", &["\u{2764}\u{fe0f}", "\u{2764}", "😍"]),
    ("like", &["👍"]),
    ("dislike", &["👎"]),
    ("smile", &["😆", "😂", "😀", "😄"]),
    ("sad", &["😢", "😭"]),
    ("wow", &["😮", "😲"]),
    ("angry", &["😠", "😡"]),
];

/// The vendor's id behind one of ours: nothing for an event to which the vendor gave none.
fn vendor_id(id: &str) -> Option<&str> {
    (!id.starts_with(DERIVED)).then_some(id)
}
