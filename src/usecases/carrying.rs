//! What the gateway itself has to say to a person, beside every conversation: a code, an invitation. It goes out over one
//! of the workspace's channels and is kept nowhere, for it holds a secret that no member may read.

use std::sync::Arc;

use switchboard_channels::contract::capabilities::WindowRule;
use switchboard_channels::contract::content::Content;
use switchboard_channels::contract::failure::Retry;
use switchboard_channels::contract::mail::Reply;
use switchboard_channels::contract::outbound::{Outbound, Sent};
use switchboard_channels::contract::peer::Identity;
use switchboard_channels::contract::request::Dispatch;

use super::Switchboard;
use super::directory::Account;
use crate::domain::channels::ChannelState;
use crate::net::Client;

/// What is said.
pub(super) struct Word {
    /// As it is said where anything may be said.
    pub(super) plain: Content,
    /// As it is said where only templates may go; none: not at all.
    pub(super) template: Option<Content>,
}

/// What became of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Carried {
    /// A channel took it.
    Sent,
    /// The workspace has no channel that could carry it.
    NoWay,
    /// It may work later. Why not now, in words.
    Later(String),
}

impl Switchboard {
    /// Whether the workspace has a channel that can carry this.
    pub(super) async fn can_carry(&self, workspace_id: &str, to: &Identity, word: &Word) -> Result<bool, String> {
        Ok(!self.ways_to(workspace_id, to, word).await?.is_empty())
    }

    /// Says it over the first channel that takes it. It may be said twice where an answer was lost.
    pub(super) async fn carry(
        &self,
        workspace_id: &str,
        id: &str,
        to: &Identity,
        word: &Word,
        client: &Client,
    ) -> Carried {
        let ways = match self.ways_to(workspace_id, to, word).await {
            Ok(ways) => ways,
            Err(reason) => return Carried::Later(reason),
        };
        let mut end = Carried::NoWay;
        for (account, content) in ways {
            match say(&account, id, to, content, client).await {
                Ok(()) => return Carried::Sent,
                Err((reason, again)) => {
                    let channel_id = &account.channel.id;
                    tracing::warn!(channel_id, reason, "a channel did not take a word of the gateway's own");
                    if again {
                        end = Carried::Later(reason);
                    }
                }
            }
        }
        end
    }

    /// The channels that can carry it, those first where anything may be said.
    async fn ways_to<'a>(
        &self,
        workspace_id: &str,
        to: &Identity,
        word: &'a Word,
    ) -> Result<Vec<(Arc<Account>, &'a Content)>, String> {
        let mut ways = Vec::new();
        for channel in self.store.channels(workspace_id).await.map_err(|error| error.to_string())? {
            if channel.kind.is_ours() || channel.state != ChannelState::Active {
                continue;
            }
            let found = self.directory.channel(&channel.id).await.map_err(|error| error.to_string())?;
            let Some(account) = found else { continue };
            let free = account.window_rule() == WindowRule::None;
            let content = if free { Some(&word.plain) } else { word.template.as_ref() };
            let (Some(content), Ok(vendor)) = (content, &account.vendor) else { continue };
            let identities = std::slice::from_ref(to);
            // Whoever cannot reach such an address says so when it renders.
            let reaches = vendor.render(&Outbound::new("", identities, content)).is_ok();
            if reaches && self.suppressed(&account, identities).await?.is_none() {
                ways.push((free, account, content));
            }
        }
        ways.sort_by_key(|(free, ..)| !free);
        Ok(ways.into_iter().map(|(_, account, content)| (account, content)).collect())
    }
}

/// Says it over one channel; the error tells whether another time may do.
async fn say(
    account: &Account,
    id: &str,
    to: &Identity,
    content: &Content,
    client: &Client,
) -> Result<(), (String, bool)> {
    let vendor = account.vendor.as_ref().map_err(|reason| (reason.clone(), true))?;
    let outbound = Outbound::new(id, std::slice::from_ref(to), content);
    let sent = match vendor.render(&outbound).map_err(|failure| (failure.message, false))? {
        Dispatch::Http(request) => {
            let answer = client.send(&request, None).await.map_err(|error| (error.to_string(), true))?;
            vendor.outcome(answer.status, &answer.body)
        }
        Dispatch::Mail(mail) => {
            let answer = client.send_mail(&mail, Vec::new()).await.map_err(|error| (error.to_string(), true))?;
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            vendor.mailed(&mail.message_id, &Reply { code: answer.status, text })
        }
    };
    match sent {
        Sent::Accepted(_) | Sent::Unclear(_) => Ok(()),
        Sent::Refused(failure) => Err((failure.message, failure.retry != Retry::Never)),
    }
}
