//! A channel's settings, understood by its vendor's rules. It holds no rule of its own.

pub mod rotation;
pub mod settings;

use std::sync::Arc;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use switchboard_channels::contract::capabilities::Capabilities;
use switchboard_channels::contract::content::Content;
use switchboard_channels::contract::splitting;
use switchboard_channels::contract::vendor::Vendor;

use crate::domain::channels::Channel;
use crate::domain::messages::Piece;

/// What the gateway knows and a channel's settings may leave out.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Where vendors reach this installation, without a slash at the end.
    pub public_url: Option<String>,
    /// The key from which channels get secrets of their own.
    pub key: [u8; 32],
}

impl Surroundings {
    /// Adds to a channel's settings what they leave out and its vendor takes.
    fn complete(&self, channel: &Channel, now: i64) -> Value {
        let mut settings = rotation::in_force(channel.kind, &channel.settings, now);
        let Some(members) = settings.as_object_mut() else { return settings };
        let takes = |name: &str| channel.kind.protocol().settings.contains(&name);
        if let Some(base) = self.public_url.as_ref().filter(|_| takes("status_callback")) {
            let callback = format!("{base}/api/webhooks/{}/{}", channel.kind.as_str(), channel.id);
            members.entry("status_callback").or_insert_with(|| callback.into());
        }
        if takes("reply_secret") {
            members.entry("reply_secret").or_insert_with(|| self.secret("reply", channel).into());
        }
        settings
    }

    /// A secret for one purpose of one channel; the same on every node and after every restart.
    fn secret(&self, purpose: &str, channel: &Channel) -> String {
        let mac = Hmac::<Sha256>::new_from_slice(&self.key).map(|mut mac| {
            mac.update(purpose.as_bytes());
            mac.update(b"|");
            mac.update(channel.id.as_bytes());
            hex::encode(mac.finalize().into_bytes())
        });
        mac.unwrap_or_default()
    }

    /// Understands a channel's settings as they are in force at this time, in Unix milliseconds.
    ///
    /// # Errors
    /// They are not of its kind's shape.
    pub fn read(&self, channel: &Channel, now: i64) -> Result<Arc<dyn Vendor>, String> {
        (channel.kind.protocol().read)(self.complete(channel, now)).map(Arc::from)
    }
}

/// A long text in as many messages as the channel needs.
#[must_use]
pub fn split(text: &str, capabilities: &Capabilities) -> Vec<Piece> {
    splitting::split(text, capabilities.text).into_iter().map(|part| Content::text(part).into()).collect()
}
