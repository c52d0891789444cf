//! WhatsApp Cloud API.

use crate::contract::capabilities::{Capabilities, WindowRule};

/// What WhatsApp can carry.
pub const CAPABILITIES: Capabilities = Capabilities {
    text_limit: 4_096,
    buttons: 3,
    list_rows: 10,
    templates: true,
    reactions: true,
    typing: true,
    receipts: true,
    window: WindowRule::SinceLastInbound { length_ms: 24 * 60 * 60 * 1_000 },
};
