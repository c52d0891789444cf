//! Whether a knock at the door is the vendor's: Messenger shakes hands and signs as its whole family does, over the raw
//! body with the app's secret.

pub(super) use crate::meta::verify::{ROTATING, delivery, handshake_request, query};
pub use crate::meta::verify::{Unverified, Verified, handshake, signature};
