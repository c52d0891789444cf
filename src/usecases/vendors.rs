//! A channel's settings, understood by its vendor's rules. It holds no rule of its own.

pub mod made;
pub mod rotation;
pub mod settings;

use std::sync::Arc;

use serde_json::Value;
use switchboard_channels::Kind;
use switchboard_channels::contract::capabilities::Capabilities;
use switchboard_channels::contract::content::Content;
use switchboard_channels::contract::splitting;
use switchboard_channels::contract::vendor::Vendor;

use crate::domain::channels::{Channel, Origin};
use crate::domain::messages::Piece;
use crate::net::{Client, Trust};

/// What the gateway knows and a channel's settings may leave out.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Where vendors reach this installation, without a slash at the end.
    pub public_url: Option<String>,
}

impl Surroundings {
    /// Adds to a channel's settings what they leave out and its vendor takes.
    fn complete(&self, kind: Kind, channel_id: &str, mut settings: Value) -> Value {
        let Some(members) = settings.as_object_mut() else { return settings };
        let takes = |name: &str| kind.protocol().settings.contains(&name);
        if let Some(base) = self.public_url.as_ref().filter(|_| takes("status_callback")) {
            let callback = format!("{base}/api/webhooks/{}/{}", kind.as_str(), channel_id);
            members.entry("status_callback").or_insert_with(|| callback.into());
        }
        settings
    }

    /// Understands a channel's settings as they are in force at this time, in Unix milliseconds.
    ///
    /// # Errors
    /// They are not of its kind's shape.
    pub fn read(&self, channel: &Channel, now: i64) -> Result<Arc<dyn Vendor>, String> {
        let settings = rotation::in_force(channel.kind, &channel.settings, now);
        (channel.kind.protocol().read)(self.complete(channel.kind, &channel.id, settings)).map(Arc::from)
    }
}

/// The way out to a channel's vendor: what a caller of the API has declared is called on the public internet only.
#[must_use]
pub fn way_out<'a>(channel: &Channel, client: &'a Client) -> &'a Client {
    match channel.origin {
        Origin::Operator => client,
        Origin::Api => client.trusting(Trust::Outside),
    }
}

/// A long text in as many messages as the channel needs.
#[must_use]
pub fn split(text: &str, capabilities: &Capabilities) -> Vec<Piece> {
    splitting::split(text, capabilities.text).into_iter().map(|part| Content::text(part).into()).collect()
}
