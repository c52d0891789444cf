//! Whether a knock at the door is the vendor's: Instagram shakes hands and signs as its whole family does, over the raw
//! body. An app with Instagram login has an Instagram app secret of its own, and signs with that one.

pub(super) use crate::meta::verify::{ROTATING, delivery, handshake_request, query};
pub use crate::meta::verify::{Unverified, Verified, handshake, signature};
