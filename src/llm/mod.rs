//! Language models behind one shape: built-in ones, and servers that speak one of three protocols. It knows no customer, no channel
//! and no store: a prompt goes in, an answer or a failure with a stable code comes out, and nothing that a model did
//! not finish is ever called an answer.

pub mod answer;
mod anthropic;
mod echo;
pub mod embeddings;
pub mod endpoint;
pub mod failure;
mod framing;
mod gemini;
pub mod knowledge;
mod openai;
pub mod prompt;
mod reader;
mod refusals;
pub mod remote;
mod surrogates;

use tokio_util::sync::CancellationToken;

use crate::net::Client;

use answer::Answer;
use endpoint::{Endpoint, Provider};
use failure::ModelFailure;
use knowledge::KnowledgeOptions;
use prompt::Prompt;
use remote::RemoteModel;

/// A model that can be asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Model {
    /// Repeats the customer.
    Echo,
    /// Quotes the knowledge base.
    Knowledge(KnowledgeOptions),
    /// Asks a server.
    Remote(Box<RemoteModel>),
}

/// Why a name is no model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelNameError {
    /// The name is empty.
    #[error("a model needs a name")]
    Empty,
    /// `builtin/` something else.
    #[error("there is no model {0}; the built-in models are builtin/echo and builtin/knowledge")]
    UnknownBuiltin(String),
    /// Nobody says where a model of this name is served.
    #[error("the model {0} needs an endpoint, and none is configured")]
    NoEndpoint(String),
    /// The endpoint's base address is no http address.
    #[error("the base address of the model {0} is no http or https address")]
    BaseAddress(String),
}

impl Model {
    /// Reads a model's name: `builtin/echo`, `builtin/knowledge`, `openai/…`, `anthropic/…`, `gemini/…`, `compatible/…`, or
    /// the plain name of a model that speaks chat completions. `endpoint` says where it is served; without it the
    /// provider's usual address is taken.
    ///
    /// # Errors
    /// See [`ModelNameError`].
    pub fn parse(name: &str, endpoint: Option<&Endpoint>) -> Result<Self, ModelNameError> {
        match name.trim() {
            "" => Err(ModelNameError::Empty),
            echo::NAME => Ok(Self::Echo),
            knowledge::NAME => Ok(Self::Knowledge(KnowledgeOptions::default())),
            other if other.starts_with("builtin/") => Err(ModelNameError::UnknownBuiltin(other.to_owned())),
            other => {
                let (provider, name) = Provider::of_model(other).unwrap_or((Provider::Compatible, other));
                let endpoint = endpoint.cloned().or_else(|| provider.base_url().map(Endpoint::new));
                let endpoint = endpoint.ok_or_else(|| ModelNameError::NoEndpoint(other.to_owned()))?;
                let model = RemoteModel::new(provider.protocol(), name, endpoint);
                model
                    .map(|model| Self::Remote(Box::new(model)))
                    .ok_or_else(|| ModelNameError::BaseAddress(other.to_owned()))
            }
        }
    }

    /// Answers the last turn of the customer. Pieces of text go to `deltas` as they come; they are the answer only
    /// once it is returned, and a filter may still withdraw them. Cancelling closes the connection to a server.
    ///
    /// # Errors
    /// See [`failure::ModelFailureCode`]; [`ModelFailure::delivered_any`] says whether pieces were handed out.
    pub async fn answer(
        &self,
        client: &Client,
        prompt: &Prompt,
        deltas: &mut dyn FnMut(&str),
        cancel: &CancellationToken,
    ) -> Result<Answer, ModelFailure> {
        if cancel.is_cancelled() {
            return Err(ModelFailure::cancelled());
        }
        match self {
            Self::Echo => echo::answer(prompt, deltas),
            Self::Knowledge(options) => knowledge::answer(options, prompt, deltas),
            Self::Remote(model) => model.answer(client, prompt, deltas, cancel).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_models_or_say_why_not() {
        let endpoint = Endpoint::new("http://localhost:11434");
        let broken = Endpoint::new("localhost");
        assert_eq!(Model::parse(" builtin/echo ", None), Ok(Model::Echo));
        assert!(matches!(Model::parse("builtin/knowledge", None), Ok(Model::Knowledge(_))));
        assert!(matches!(Model::parse("llama3.2:3b", Some(&endpoint)), Ok(Model::Remote(_))));
        for name in ["anthropic/claude-x", "gemini/gemini-x", "openai/gpt-x"] {
            assert!(matches!(Model::parse(name, None), Ok(Model::Remote(_))), "{name}");
        }
        let cases = [
            ("compatible/big-1", None, ModelNameError::NoEndpoint("compatible/big-1".into())),
            ("", None, ModelNameError::Empty),
            ("builtin/oracle", Some(&endpoint), ModelNameError::UnknownBuiltin("builtin/oracle".into())),
            ("big-1", None, ModelNameError::NoEndpoint("big-1".into())),
            ("big-1", Some(&broken), ModelNameError::BaseAddress("big-1".into())),
        ];
        for (name, endpoint, error) in cases {
            assert_eq!(Model::parse(name, endpoint), Err(error));
        }
    }
}
