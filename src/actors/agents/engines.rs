//! Which models an agent asks, where they are served, and on whose account.

use std::collections::HashMap;
use std::sync::Arc;

use switchboard_channels::contract::credentials::Secret;

use crate::domain::plans::{Plan, Plans};
use crate::domain::prices::Prices;
use crate::domain::usage::Month;
use crate::llm::Model;
use crate::llm::embeddings::Embedder;
use crate::llm::endpoint::{Endpoint, Provider};
use crate::llm::failure::{ModelFailure, ModelFailureCode as Code};
use crate::net::{Client, Trust};
use crate::store::agents::StoredAgent;
use crate::store::{Store, StoreError};

/// How models are reached, and what they cost.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The installation's own accounts with providers.
    pub hosted: HashMap<Provider, Secret>,
    /// Where the installation's own accounts are served, when not where the provider usually does.
    pub addresses: HashMap<Provider, String>,
    /// What workspaces may use.
    pub plans: Arc<Plans>,
    /// What models cost.
    pub prices: Prices,
    /// What embeds memories and knowledge, so that they are found by their meaning, too; none: by their words alone.
    pub embedder: Option<Embedder>,
}

/// A model, and the way to it.
#[derive(Debug)]
pub(super) struct Engine {
    /// The name that the agent has for it.
    pub(super) name: String,
    pub(super) model: Model,
    /// The way out: to addresses of the operator, or of somebody else.
    pub(super) client: Client,
    /// The plan of the workspace, where the model runs on the installation's own account.
    pub(super) hosted_for: Option<String>,
}

/// Where a provider's models are served, and on whose account.
struct Access {
    endpoint: Endpoint,
    client: Client,
    hosted_for: Option<String>,
}

/// The models of an agent.
#[derive(Debug)]
pub(super) struct Engines {
    pub(super) first: Result<Engine, ModelFailure>,
    /// Asked when the first fails for now.
    pub(super) fallback: Option<Result<Engine, ModelFailure>>,
}

/// What it takes to find a model.
pub(super) struct Finder<'a> {
    pub(super) store: &'a Store,
    pub(super) client: &'a Client,
    pub(super) options: &'a Options,
}

impl Finder<'_> {
    /// The models of this agent.
    pub(super) async fn engines(&self, stored: &StoredAgent) -> Result<Engines, StoreError> {
        let settings = &stored.agent.settings;
        let first = self.engine(stored, &stored.agent.model, true).await?;
        let fallback = match &settings.fallback_model {
            Some(name) => {
                // The agent's own endpoint serves the fallback, too, where both have the same provider.
                let of = |name: &str| Provider::of_model(name).map(|(provider, _)| provider);
                let same = of(name) == of(&stored.agent.model);
                Some(self.engine(stored, name, same).await?)
            }
            None => None,
        };
        Ok(Engines { first, fallback })
    }

    async fn engine(
        &self,
        stored: &StoredAgent,
        name: &str,
        own: bool,
    ) -> Result<Result<Engine, ModelFailure>, StoreError> {
        let (endpoint, client, hosted_for) = match Provider::of_model(name) {
            None => (None, self.client.clone(), None),
            Some((provider, _)) => match self.access(stored, provider, own).await? {
                Ok(Access { endpoint, client, hosted_for }) => (Some(endpoint), client, hosted_for),
                Err(failure) => return Ok(Err(failure)),
            },
        };
        let refused = |reason: String| ModelFailure::new(Code::RefusedRequest, reason);
        Ok(Model::parse(name, endpoint.as_ref())
            .map(|mut model| {
                if let Model::Knowledge(options) = &mut model {
                    options.unknown_text.clone_from(&stored.agent.settings.unknown_message);
                    options.greeting_text.clone_from(&stored.agent.settings.greeting_message);
                }
                Engine { name: name.to_owned(), model, client, hosted_for }
            })
            .map_err(|error| refused(error.to_string())))
    }

    /// Where a provider's models are served for this agent, and on whose account: the agent's, the workspace's, or the
    /// installation's, in this order.
    async fn access(
        &self,
        stored: &StoredAgent,
        provider: Provider,
        own: bool,
    ) -> Result<Result<Access, ModelFailure>, StoreError> {
        let workspace_id = &stored.agent.workspace_id;
        let base_url = stored.agent.settings.base_url.clone().filter(|_| own);
        let usual = || base_url.clone().or(provider.base_url().map(str::to_owned));
        let access = |client: &Client, hosted_for: Option<String>| {
            let client = client.clone();
            move |endpoint| Access { endpoint, client, hosted_for }
        };
        if let Some(key) = stored.api_key.clone().filter(|_| own) {
            return Ok(keyed(provider, usual(), Some(key)).map(access(self.client, None)));
        }
        if let Some(known) = self.store.provider(workspace_id, provider.as_str()).await? {
            // An address that came over the API is not the operator's.
            let entered = known.base_url.is_some() && base_url.is_none();
            let address = base_url.clone().or(known.base_url).or(provider.base_url().map(str::to_owned));
            let client = if entered { self.client.trusting(Trust::Outside) } else { self.client };
            return Ok(keyed(provider, address, Some(known.api_key)).map(access(client, None)));
        }
        // A server that the operator named for this agent may need no key at all, and is nobody's account.
        if base_url.is_some() {
            return Ok(keyed(provider, usual(), None).map(access(self.client, None)));
        }
        let plan = self.store.workspace_by_id(workspace_id).await?.map(|workspace| workspace.plan).unwrap_or_default();
        let own_only = self.options.plans.get(&plan).is_some_and(|plan| plan.own_key_only);
        let Some(key) = self.options.hosted.get(&provider).filter(|_| !own_only).cloned() else {
            let reason = format!("there is no key for the provider {:?}", provider.as_str());
            return Ok(Err(ModelFailure::new(Code::KeyMissing, reason)));
        };
        let address = self.options.addresses.get(&provider).cloned().or_else(usual);
        Ok(keyed(provider, address, Some(key)).map(access(self.client, Some(plan))))
    }

    /// Whether a model may be asked now: not on the installation's account once the month's tokens are used up. Nobody
    /// is asked, and nothing is spent.
    pub(super) async fn judge(
        &self,
        workspace_id: &str,
        engine: &Engine,
    ) -> Result<Result<(), ModelFailure>, StoreError> {
        let plan = engine.hosted_for.as_deref().and_then(|plan| self.options.plans.get(plan));
        tokens_left(self.store, workspace_id, plan).await
    }
}

/// Whether there are tokens left for a workspace on the installation's account.
pub(super) async fn tokens_left(
    store: &Store,
    workspace_id: &str,
    plan: Option<&Plan>,
) -> Result<Result<(), ModelFailure>, StoreError> {
    let Some(plan) = plan.filter(|plan| plan.tokens_per_month.is_some()) else { return Ok(Ok(())) };
    let now = store.clock().now();
    let used = store.consumption(workspace_id, Month::of(now)).await?;
    Ok(match plan.tokens_used_up(used.tokens, now) {
        Some(used_up) => Err(ModelFailure::new(Code::TokenLimit, used_up.sentence())),
        None => Ok(()),
    })
}

fn keyed(provider: Provider, base_url: Option<String>, api_key: Option<Secret>) -> Result<Endpoint, ModelFailure> {
    let base_url = base_url.ok_or_else(|| {
        let reason = format!("nobody says where the models of {:?} are served", provider.as_str());
        ModelFailure::new(Code::RefusedRequest, reason)
    })?;
    Ok(Endpoint { api_key, ..Endpoint::new(base_url) })
}
