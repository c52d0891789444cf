//! Message templates: the vendors' lists as they were last read, read anew when they may have changed, so that they can be
//! told when a vendor is out of reach, and how old they are; handing new ones in, and ending them.

mod submitting;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use switchboard_channels::contract::outbound::TemplateInfo;
use switchboard_channels::contract::vendor::Vendor;

use super::Switchboard;
use super::directory::Account;
use crate::domain::templates::Template;
use crate::net::Client;
use crate::store::StoreError;
use crate::store::templates::TemplateFilter;

pub use submitting::{NewTemplate, Refusal};

/// How stale the list may be, in milliseconds.
const FRESH_MS: i64 = 60_000;
/// How long a vendor that did not answer is left alone.
const LEFT_ALONE: Duration = Duration::from_secs(30);
/// Longest time that somebody waits who only reads.
const PATIENCE: Duration = Duration::from_secs(5);
/// The same for who asks for the list to be read.
const LONG_PATIENCE: Duration = Duration::from_secs(30);
/// Most pages that are asked for.
const MOST_PAGES: usize = 100;
/// Channels after which the memory is swept.
const SWEEP_AT: usize = 1_000;
/// Submissions that may be under way at once, each for another channel.
const LANES: usize = 64;

/// Which vendors did not answer lately, and whose turn it is to hand in.
pub struct Templates {
    failed: Mutex<HashMap<String, (Instant, String)>>,
    lanes: [tokio::sync::Mutex<()>; LANES],
}

impl Default for Templates {
    fn default() -> Self {
        Self { failed: Mutex::default(), lanes: std::array::from_fn(|_| tokio::sync::Mutex::default()) }
    }
}

impl Templates {
    fn failure(&self, channel_id: &str) -> Option<String> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.get(channel_id).filter(|(since, _)| since.elapsed() < LEFT_ALONE).map(|(_, reason)| reason.clone())
    }

    fn note(&self, channel_id: &str, failure: Option<&str>) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        if failed.len() >= SWEEP_AT {
            failed.retain(|_, (since, _)| since.elapsed() < LEFT_ALONE);
        }
        match failure {
            Some(reason) => failed.insert(channel_id.to_owned(), (Instant::now(), reason.to_owned())),
            None => failed.remove(channel_id),
        };
    }
}

/// How old the list of a channel's templates is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListState {
    /// The channel.
    pub channel_id: String,
    /// When it was last read, Unix milliseconds; none: never, or it has changed since.
    pub read_at: Option<i64>,
    /// Why it could not be read now.
    pub problem: Option<String>,
}

/// A page of templates.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The templates.
    pub items: Vec<Template>,
    /// How many there are in all.
    pub total: i64,
    /// The lists that they are from.
    pub lists: Vec<ListState>,
}

impl Switchboard {
    /// The templates of a workspace that a filter lets through, and how old the lists of their channels are.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn templates(
        &self,
        workspace_id: &str,
        filter: &TemplateFilter,
        (limit, offset): (i64, i64),
        client: &Client,
    ) -> Result<Listed, StoreError> {
        let mut accounts = Vec::new();
        for channel in self.store.channels(workspace_id).await? {
            if filter.channel_id.as_ref().is_none_or(|id| *id == channel.id) {
                let account = self.directory.account(channel).await?;
                accounts.extend(Some(account).filter(has_templates));
            }
        }
        let lists = join_all(accounts.iter().map(|account| self.refreshed(account, client))).await;
        let lists = lists.into_iter().collect::<Result<_, _>>()?;
        let (items, total) = self.store.templates(workspace_id, filter, limit, offset).await?;
        Ok(Listed { items, total, lists })
    }

    /// The approved templates of a channel, and how old their list is.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn approved_templates(
        &self,
        account: &Account,
        client: &Client,
    ) -> Result<(Vec<Template>, ListState), StoreError> {
        let state = self.refreshed(account, client).await?;
        let channel = &account.channel;
        Ok((self.store.approved_templates(&channel.workspace_id, &channel.id).await?, state))
    }

    /// Reads the list of a channel's templates from its vendor now.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub async fn sync_templates(
        &self,
        workspace_id: &str,
        channel_id: &str,
        client: &Client,
    ) -> Result<(ListState, i64), Refusal> {
        let channel = self.store.channel(workspace_id, channel_id).await?.ok_or(Refusal::Unknown)?;
        let account = self.directory.account(channel).await?;
        if !has_templates(&account) {
            return Err(Refusal::NoTemplates);
        }
        self.read_list(&account, client, LONG_PATIENCE).await?.map_err(Refusal::Upstream)?;
        let filter = TemplateFilter { channel_id: Some(channel_id.to_owned()), ..TemplateFilter::default() };
        let (_, total) = self.store.templates(workspace_id, &filter, 1, 0).await?;
        let read_at = self.store.templates_at(workspace_id, channel_id).await?;
        Ok((ListState { channel_id: channel_id.to_owned(), read_at, problem: None }, total))
    }

    /// Reads a channel's list where it may have changed, and where its vendor answered lately.
    async fn refreshed(&self, account: &Account, client: &Client) -> Result<ListState, StoreError> {
        let channel = &account.channel;
        let read_at = self.store.templates_at(&channel.workspace_id, &channel.id).await?;
        if read_at.is_some_and(|read_at| (0..FRESH_MS).contains(&(self.now() - read_at))) {
            return Ok(ListState { channel_id: channel.id.clone(), read_at, problem: None });
        }
        let problem = match self.templates.failure(&channel.id) {
            Some(known) => Some(known),
            None => self.read_list(account, client, PATIENCE).await?.err(),
        };
        let read_at = self.store.templates_at(&channel.workspace_id, &channel.id).await?;
        Ok(ListState { channel_id: channel.id.clone(), read_at, problem })
    }

    /// Asks the vendor for its list and keeps it. Inside: a sentence that says why there is none.
    async fn read_list(
        &self,
        account: &Account,
        client: &Client,
        patience: Duration,
    ) -> Result<Result<(), String>, StoreError> {
        let channel = &account.channel;
        if !has_templates(account) {
            return Ok(Err("channels of this kind have no templates".to_owned()));
        }
        let Ok(vendor) = &account.vendor else { return Ok(Err("the channel's settings cannot be read".to_owned())) };
        let since = self.now();
        let asked = tokio::time::timeout(patience, ask(vendor.as_ref(), account.way_out(client))).await;
        let asked = asked.unwrap_or_else(|_| Err("the vendor did not list its templates in time".to_owned()));
        self.templates.note(&channel.id, asked.as_ref().err().map(String::as_str));
        match asked {
            Ok((listed, whole)) => {
                self.store.put_templates(&channel.workspace_id, &channel.id, &listed, (since, whole)).await.map(Ok)
            }
            Err(reason) => Ok(Err(reason)),
        }
    }
}

fn has_templates(account: &Account) -> bool {
    account.capabilities().is_some_and(|capabilities| capabilities.templates)
}

/// Asks page by page. Gives what is listed, and whether that is all.
async fn ask(vendor: &dyn Vendor, client: &Client) -> Result<(Vec<TemplateInfo>, bool), String> {
    let mut listed = Vec::new();
    let mut after: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let request = vendor.templates(after.as_deref()).map_err(|failure| failure.message)?;
        let answer =
            client.send(&request, None).await.map_err(|error| format!("the vendor could not be asked: {error}"))?;
        let (page, next) = vendor.listed_templates(answer.status, &answer.body).map_err(|failure| failure.message)?;
        listed.extend(page);
        if next.is_none() || next == after {
            return Ok((listed, true));
        }
        after = next;
    }
    Ok((listed, false))
}
