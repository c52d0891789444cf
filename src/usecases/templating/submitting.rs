//! Handing templates in at their vendors, and ending them.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde::Serialize;
use serde_json::Value;
use switchboard_channels::contract::failure::{DraftRefused, Failure, Fault, Retry};
use switchboard_channels::contract::outbound::{TemplateDraft, TemplateInfo};
use switchboard_channels::contract::request::Request;
use switchboard_channels::contract::vendor::Vendor;

use super::{LANES, LONG_PATIENCE, has_templates};
use crate::domain::changes::Idempotency;
use crate::domain::errors::FieldProblem;
use crate::domain::templates::Template;
use crate::net::{Answer, Client};
use crate::store::StoreError;
use crate::usecases::Switchboard;
use crate::usecases::directory::Account;
use crate::usecases::once::{Refused, under};

/// Longest name, in characters.
const LONGEST_NAME: usize = 512;
/// Longest language code and category.
const LONGEST_WORD: usize = 32;
/// Most components.
const MOST_COMPONENTS: usize = 20;

/// A template to hand in.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NewTemplate {
    /// The channel whose vendor approves it.
    pub channel_id: String,
    /// Its name.
    pub name: String,
    /// Its language code.
    pub language: String,
    /// Its category.
    pub category: String,
    /// Its parts, as the vendor describes them.
    pub components: Vec<Value>,
}

/// Why nothing was handed in, ended or read.
#[derive(Debug)]
pub enum Refusal {
    /// There is nothing of that id in the workspace.
    Unknown,
    /// These fields cannot work.
    Fields(Vec<FieldProblem>),
    /// The vendor refuses this field, and says why.
    Refused(FieldProblem),
    /// The channel's kind has no templates.
    NoTemplates,
    /// There is one of this name and language already.
    Exists(Box<Failure>),
    /// The key was used for something else.
    KeyMismatch,
    /// What the key made is gone since.
    Gone,
    /// The vendor refused.
    Vendor(Box<Failure>),
    /// The vendor did not answer, or its list could not be read. A sentence.
    Upstream(String),
    /// The store is not available.
    Store(StoreError),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Unknown => Self::Unknown,
            Refused::Fields(problems) => Self::Fields(problems),
            Refused::KeyMismatch => Self::KeyMismatch,
            Refused::Gone => Self::Gone,
            Refused::Store(error) => Self::Store(error),
        }
    }
}

/// What the vendor said no to. What its sender can mend is told by the field, where the vendor names one.
impl From<DraftRefused> for Refusal {
    fn from(refused: DraftRefused) -> Self {
        let DraftRefused { field, failure } = refused;
        if failure.code == "TEMPLATE_EXISTS" {
            return Self::Exists(failure);
        }
        if failure.fault != Fault::Sender {
            return Self::Vendor(failure);
        }
        let field = field.unwrap_or_else(|| "components".to_owned());
        Self::Refused(FieldProblem::new(field, failure.vendor_message.unwrap_or(failure.message)))
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        DraftRefused::from(failure).into()
    }
}

impl Switchboard {
    /// Hands a template in for approval. Gives it, and whether it was handed in before under the same key.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub async fn submit_template(
        &self,
        workspace_id: &str,
        wanted: NewTemplate,
        key: Option<String>,
        client: &Client,
    ) -> Result<(Template, bool), Refusal> {
        let id = self.store.clock().id();
        let key = under(key, "template", &(workspace_id, &wanted), &id);
        // What is handed in twice at once is handed in once: who comes second waits, and finds what the first made.
        let _turn = self.templates.lanes.get(lane(&wanted.channel_id)).ok_or(Refusal::Unknown)?.lock().await;
        if let Some(earlier) = self.made_under(workspace_id, key.as_ref()).await? {
            return self.handed_in_before(workspace_id, &earlier).await;
        }
        let (account, draft) = self.judged(workspace_id, wanted).await?;
        let vendor = account.vendor.as_ref().map_err(|_| unreadable())?;
        let made = create(vendor.as_ref(), &draft, account.way_out(client)).await?;
        self.store.templates_changed(&account.channel, None).await?;
        match self.store.add_template(&account.channel, (&id, &made), key.as_ref()).await? {
            Ok(added) => Ok((added.ok_or(Refusal::Gone)?, false)),
            Err(Idempotency { result_id, .. }) => self.handed_in_before(workspace_id, &result_id).await,
        }
    }

    async fn handed_in_before(&self, workspace_id: &str, id: &str) -> Result<(Template, bool), Refusal> {
        let found = self.store.template(workspace_id, id).await?;
        found.map(|template| (template, true)).ok_or(Refusal::Gone)
    }

    /// The channel and what is handed in there, once both can work.
    async fn judged(&self, workspace_id: &str, wanted: NewTemplate) -> Result<(Account, TemplateDraft), Refusal> {
        let mut problems = Vec::new();
        let mut judge = |field: &str, holds: bool, expected: String| {
            if !holds {
                problems.push(FieldProblem::new(field, expected));
            }
        };
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        let word = |text: &str| (1..=LONGEST_WORD).contains(&text.len()) && plain(text);
        let named = (1..=LONGEST_NAME).contains(&wanted.name.chars().count()) && !wanted.name.contains('\0');
        judge("name", named, format!("1 to {LONGEST_NAME} characters"));
        judge("language", word(&wanted.language), "a language code such as en or pt_BR".to_owned());
        judge("category", word(&wanted.category), "UTILITY, MARKETING or AUTHENTICATION".to_owned());
        let parts = &wanted.components;
        let objects = (1..=MOST_COMPONENTS).contains(&parts.len()) && parts.iter().all(Value::is_object);
        judge("components", objects, format!("1 to {MOST_COMPONENTS} objects"));
        let account = match self.store.channel(workspace_id, &wanted.channel_id).await? {
            Some(channel) => Some(self.directory.account(channel).await?),
            None => None,
        };
        if account.is_none() {
            problems.push(FieldProblem::absent("channel_id", "a channel of this workspace"));
        }
        let Some(account) = account.filter(|_| problems.is_empty()) else { return Err(Refusal::Fields(problems)) };
        if !has_templates(&account) {
            return Err(Refusal::NoTemplates);
        }
        let NewTemplate { name, language, category, components, .. } = wanted;
        Ok((account, TemplateDraft { name, language, category: category.to_ascii_uppercase(), components }))
    }

    /// Ends a template at its vendor, in its one language.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub async fn end_template(&self, workspace_id: &str, id: &str, client: &Client) -> Result<Template, Refusal> {
        let template = self.store.template(workspace_id, id).await?.ok_or(Refusal::Unknown)?;
        let channel = self.store.channel(workspace_id, &template.channel_id).await?.ok_or(Refusal::Unknown)?;
        let account = self.directory.account(channel).await?;
        let vendor = account.vendor.as_ref().map_err(|_| unreadable())?;
        let request = vendor.template_removal(template.provider_id.as_deref(), &template.name)?;
        let answer = call(&request, account.way_out(client)).await?;
        if let Err(failure) = vendor.removed_template(answer.status, &answer.body) {
            // What somebody else has ended is refused, too: the list tells.
            let read = self.read_list(&account, client, LONG_PATIENCE).await?;
            if read.is_err() || self.store.template(workspace_id, id).await?.is_some() {
                return Err(Refusal::Vendor(Box::new(failure)));
            }
        }
        self.store.remove_template(workspace_id, id).await?;
        self.store.templates_changed(&account.channel, None).await?;
        Ok(template)
    }
}

fn lane(channel_id: &str) -> usize {
    let mut hasher = DefaultHasher::new();
    channel_id.hash(&mut hasher);
    usize::try_from(hasher.finish() % LANES as u64).unwrap_or_default()
}

fn unreadable() -> Refusal {
    Refusal::Upstream("the channel's settings cannot be read".to_owned())
}

/// Makes a template at its vendor and asks for its approval, where that is a wish of its own. What is not handed in does
/// not stay there.
async fn create(vendor: &dyn Vendor, draft: &TemplateDraft, client: &Client) -> Result<TemplateInfo, Refusal> {
    let answer = call(&vendor.template_creation(draft)?, client).await?;
    let made = vendor.created_template(draft, answer.status, &answer.body)?;
    let Some(wish) = vendor.template_approval(draft, &made) else { return Ok(made) };
    let asked = match call(&wish, client).await {
        Ok(answer) => vendor.requested_approval(answer.status, &answer.body).map_err(Refusal::from),
        Err(refusal) => Err(refusal),
    };
    match asked {
        Ok(status) => Ok(TemplateInfo { status, ..made }),
        Err(refusal) => {
            if let Ok(removal) = vendor.template_removal(made.id.as_deref(), &made.name)
                && let Err(error) = client.send(&removal, None).await
            {
                tracing::warn!(%error, "a template whose approval could not be asked for stays at its vendor");
            }
            Err(refusal)
        }
    }
}

async fn call(request: &Request, client: &Client) -> Result<Answer, Refusal> {
    client.send(request, None).await.map_err(|error| {
        let message = format!("the vendor could not be asked: {error}");
        Refusal::Vendor(Box::new(Failure::new("VENDOR_UNAVAILABLE", message, Retry::Backoff, Fault::Vendor)))
    })
}
