//! Which of a channel's templates the vendor has approved: what may still be sent when the window is closed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use switchboard_channels::contract::outbound::TemplateInfo;
use switchboard_channels::contract::vendor::Vendor;

use super::Switchboard;
use super::directory::Account;
use crate::net::Client;

/// How stale the list may be.
const FRESH_FOR: Duration = Duration::from_secs(60);
/// Longest time a caller waits for the list.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most pages that are asked for.
const MOST_PAGES: usize = 20;
/// Channels after which the memory is swept.
const SWEEP_AT: usize = 1_000;

type Listed = (Instant, Arc<[TemplateInfo]>);

/// Recently read lists, by channel.
#[derive(Default)]
pub struct Templates {
    lists: Mutex<HashMap<String, Listed>>,
}

impl Templates {
    fn get(&self, channel_id: &str) -> Option<Arc<[TemplateInfo]>> {
        let lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        lists.get(channel_id).filter(|(since, _)| since.elapsed() < FRESH_FOR).map(|(_, list)| Arc::clone(list))
    }

    fn put(&self, channel_id: &str, list: &Arc<[TemplateInfo]>) {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        if lists.len() >= SWEEP_AT {
            lists.retain(|_, (since, _)| since.elapsed() < FRESH_FOR);
        }
        lists.insert(channel_id.to_owned(), (Instant::now(), Arc::clone(list)));
    }
}

impl Switchboard {
    /// The approved templates of a channel, by the vendor's list.
    ///
    /// # Errors
    /// A sentence that says why there is no list.
    pub async fn approved_templates(&self, account: &Account, client: &Client) -> Result<Arc<[TemplateInfo]>, String> {
        if !account.capabilities().is_some_and(|capabilities| capabilities.templates) {
            return Err("channels of this kind have no templates".to_owned());
        }
        if let Some(known) = self.templates.get(&account.channel.id) {
            return Ok(known);
        }
        let vendor = account.vendor.as_ref().map_err(|_| "the channel's settings cannot be read".to_owned())?;
        let list = tokio::time::timeout(PATIENCE, ask(vendor.as_ref(), account.way_out(client)))
            .await
            .map_err(|_| "the vendor did not list its templates in time".to_owned())??;
        let list: Arc<[TemplateInfo]> = list.into();
        self.templates.put(&account.channel.id, &list);
        Ok(list)
    }
}

/// Asks page by page.
async fn ask(vendor: &dyn Vendor, client: &Client) -> Result<Vec<TemplateInfo>, String> {
    let mut approved = Vec::new();
    let mut after: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let request = vendor.templates(after.as_deref()).map_err(|failure| failure.message)?;
        let answer =
            client.send(&request, None).await.map_err(|error| format!("the vendor could not be asked: {error}"))?;
        let (page, next) = vendor.listed_templates(answer.status, &answer.body).map_err(|failure| failure.message)?;
        approved.extend(page.into_iter().filter(|template| template.status == "APPROVED"));
        if next.is_none() || next == after {
            break;
        }
        after = next;
    }
    Ok(approved)
}
