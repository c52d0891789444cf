//! Which models an agent asks, where they are served, and on whose account.

use std::collections::{HashMap, HashSet};

use switchboard_channels::contract::credentials::Secret;

use crate::domain::prices::Prices;
use crate::llm::Model;
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
    /// Plans whose workspaces use their own accounts only.
    pub own_key_plans: HashSet<String>,
    /// What models cost.
    pub prices: Prices,
}

/// A model, and the way to it.
#[derive(Debug)]
pub(super) struct Engine {
    /// The name that the agent has for it.
    pub(super) name: String,
    pub(super) model: Model,
    /// The way out: to addresses of the operator, or of somebody else.
    pub(super) client: Client,
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
        let (endpoint, client) = match Provider::of_model(name) {
            None => (None, self.client.clone()),
            Some((provider, _)) => match self.endpoint(stored, provider, own).await? {
                Ok((endpoint, client)) => (Some(endpoint), client),
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
                Engine { name: name.to_owned(), model, client }
            })
            .map_err(|error| refused(error.to_string())))
    }

    /// Where a provider's models are served for this agent, and on whose account: the agent's, the workspace's, or the
    /// installation's, in this order.
    async fn endpoint(
        &self,
        stored: &StoredAgent,
        provider: Provider,
        own: bool,
    ) -> Result<Result<(Endpoint, Client), ModelFailure>, StoreError> {
        let workspace_id = &stored.agent.workspace_id;
        let base_url = stored.agent.settings.base_url.clone().filter(|_| own);
        let usual = || base_url.clone().or(provider.base_url().map(str::to_owned));
        if let Some(key) = stored.api_key.clone().filter(|_| own) {
            return Ok(keyed(provider, usual(), Some(key)).map(|endpoint| (endpoint, self.client.clone())));
        }
        if let Some(known) = self.store.provider(workspace_id, provider.as_str()).await? {
            // An address that came over the API is not the operator's.
            let entered = known.base_url.is_some() && base_url.is_none();
            let address = base_url.clone().or(known.base_url).or(provider.base_url().map(str::to_owned));
            let client = if entered { self.client.trusting(Trust::Outside) } else { self.client };
            return Ok(keyed(provider, address, Some(known.api_key)).map(|endpoint| (endpoint, client.clone())));
        }
        let workspace = self.store.workspace_by_id(workspace_id).await?;
        let own_only = workspace.is_some_and(|workspace| self.options.own_key_plans.contains(&workspace.plan));
        let hosted = self.options.hosted.get(&provider).filter(|_| !own_only && base_url.is_none()).cloned();
        // A server that the operator named for this agent may need no key at all.
        if hosted.is_none() && base_url.is_none() {
            let reason = format!("there is no key for the provider {:?}", provider.as_str());
            return Ok(Err(ModelFailure::new(Code::KeyMissing, reason)));
        }
        Ok(keyed(provider, usual(), hosted).map(|endpoint| (endpoint, self.client.clone())))
    }
}

fn keyed(provider: Provider, base_url: Option<String>, api_key: Option<Secret>) -> Result<Endpoint, ModelFailure> {
    let base_url = base_url.ok_or_else(|| {
        let reason = format!("nobody says where the models of {:?} are served", provider.as_str());
        ModelFailure::new(Code::RefusedRequest, reason)
    })?;
    Ok(Endpoint { api_key, ..Endpoint::new(base_url) })
}
