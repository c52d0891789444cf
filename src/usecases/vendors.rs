//! A channel's settings, understood by its vendor's rules. It holds no rule of its own.

pub mod settings;

use std::sync::Arc;

use switchboard_channels::contract::capabilities::Capabilities;
use switchboard_channels::contract::content::Content;
use switchboard_channels::contract::splitting;
use switchboard_channels::contract::vendor::Vendor;

use crate::domain::channels::Channel;

/// Understands a channel's settings.
///
/// # Errors
/// They are not of its kind's shape.
pub fn read(channel: &Channel) -> Result<Arc<dyn Vendor>, String> {
    (channel.kind.protocol().read)(channel.settings.clone()).map(Arc::from)
}

/// A long text in as many messages as the channel needs.
#[must_use]
pub fn split(text: &str, capabilities: &Capabilities) -> Vec<Content> {
    splitting::split(text, capabilities.text).into_iter().map(Content::text).collect()
}
