//! What agents, workflow steps and connectors may do to the product: a catalogue of actions with the JSON Schemas of
//! their arguments, and one way to invoke them. It does nothing itself: who implements [`Actions`] does.

use futures_util::future::BoxFuture;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use switchboard_channels::Kind;

use super::errors::{Code, FieldProblem};
use super::principals::Permissions;

/// Most problems of one call's arguments that are told.
const MOST_PROBLEMS: usize = 10;

/// Something that can be done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Action {
    /// Unique in its catalogue: lower-case words joined by `_`, at most 64 characters.
    pub name: String,
    /// What it does and when to use it, for whoever chooses among actions.
    pub description: String,
    /// JSON Schema of its arguments: an object.
    pub parameters: Value,
}

/// Whose wish is followed; it says whose data may be shown and changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// Somebody of the workspace, or a workflow: everybody's, as far as the permissions go.
    Team,
    /// The person of the conversation: their own, and nobody else's.
    Person,
}

/// On whose behalf, and in which place, something is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occasion {
    /// The tenant.
    pub workspace_id: String,
    /// What has the effect: the id of the turn's job, or of the workflow's step. Calls are counted within it.
    pub cause: String,
    /// Whose wish it is.
    pub asker: Asker,
    /// What may be done.
    pub permissions: Permissions,
    /// The agent that acts, and whose settings say which actions it has; none: a workflow, which has all.
    pub agent_id: Option<String>,
    /// The conversation it happens in.
    pub conversation_id: Option<String>,
    /// The person of that conversation.
    pub contact_id: Option<String>,
    /// The kind of its channel.
    pub channel_kind: Option<Kind>,
}

/// One use of an action.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Counts the calls of its occasion from 0. The same number means the same call: what it makes is made once.
    pub index: u32,
    /// The action.
    pub name: String,
    /// Its arguments; untrusted.
    pub arguments: Value,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The result, for whoever asked.
    pub value: Value,
    /// The conversation goes to a person once the turn has said what it has to say: why.
    pub hands_over: Option<String>,
}

impl From<Value> for Outcome {
    fn from(value: Value) -> Self {
        Self { value, hands_over: None }
    }
}

/// Why an action was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", code.as_str())]
pub struct ActionError {
    /// A stable word.
    pub code: Code,
    /// A sentence for whoever asked; it names nothing secret.
    pub message: String,
    /// Arguments that are not as the schema says.
    pub fields: Vec<FieldProblem>,
}

impl ActionError {
    /// An error of this kind.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), fields: Vec::new() }
    }

    /// These arguments are not as the schema says.
    #[must_use]
    pub fn fields(fields: Vec<FieldProblem>) -> Self {
        let names: Vec<&str> = fields.iter().map(|problem| problem.field.as_str()).collect();
        let message = format!("arguments that are not as the schema says: {}", names.join(", "));
        Self { code: Code::InvalidRequest, message, fields }
    }

    /// There is nothing of that name or id.
    #[must_use]
    pub fn unknown(what: &str) -> Self {
        Self::new(Code::NotFound, format!("there is no such {what}"))
    }

    /// As a tool's result tells it.
    #[must_use]
    pub fn told(&self) -> Value {
        let mut error = json!({ "code": self.code.as_str(), "message": self.message });
        if let Some(members) = error.as_object_mut().filter(|_| !self.fields.is_empty()) {
            members.insert("details".to_owned(), json!(self.fields));
        }
        json!({ "error": error })
    }
}

/// What can be done on an occasion, and the doing of it.
pub trait Actions: Send + Sync {
    /// The actions of this occasion, always in the same order.
    ///
    /// # Errors
    /// They cannot be read just now.
    fn catalogue<'a>(&'a self, occasion: &'a Occasion) -> BoxFuture<'a, Result<Vec<Action>, ActionError>>;

    /// Does it, if this occasion has it, allows it, and the arguments are as its schema says. A repeated call (the
    /// same occasion and index) has no second effect.
    ///
    /// # Errors
    /// See [`ActionError`]; nothing was done then, unless its code is `UNAVAILABLE`.
    fn invoke<'a>(&'a self, occasion: &'a Occasion, call: Call) -> BoxFuture<'a, Result<Outcome, ActionError>>;
}

impl Action {
    /// Judges arguments by the schema.
    ///
    /// # Errors
    /// Every argument that fails, up to a limit, by its path; or the schema itself is none.
    pub fn judge(&self, arguments: &Value) -> Result<(), ActionError> {
        let validator = jsonschema::validator_for(&self.parameters).map_err(|error| {
            ActionError::new(Code::Internal, format!("the schema of {} cannot be used: {error}", self.name))
        })?;
        let problems: Vec<FieldProblem> = validator
            .iter_errors(arguments)
            .take(MOST_PROBLEMS)
            .map(|error| {
                let path = error.instance_path().to_string();
                let field = path.trim_start_matches('/').replace('/', ".");
                let field = if field.is_empty() { "arguments".to_owned() } else { field };
                // The error quotes the argument, which may be long.
                FieldProblem::new(field, error.to_string().chars().take(200).collect::<String>())
            })
            .collect();
        if problems.is_empty() { Ok(()) } else { Err(ActionError::fields(problems)) }
    }
}

impl Occasion {
    /// The one person whose data may be shown and changed; none: everybody's. No contact has the empty id, so that where
    /// nobody is known nothing is shown.
    #[must_use]
    pub fn only_person(&self) -> Option<&str> {
        match self.asker {
            Asker::Team => None,
            Asker::Person => Some(self.contact_id.as_deref().unwrap_or_default()),
        }
    }

    /// The idempotency key of a call: the same whenever the call is repeated.
    #[must_use]
    pub fn key(&self, call: &Call) -> String {
        format!("call:{}:{}", self.cause, call.index)
    }

    /// The id of what a call makes: the same whenever the call is repeated, so that a row inserted under it (with
    /// `ON CONFLICT DO NOTHING`) is inserted once. A UUID of version 8.
    #[must_use]
    pub fn id(&self, call: &Call) -> String {
        let digest = Sha256::digest(format!("{}:{}", self.workspace_id, self.key(call)).as_bytes());
        let mut bytes = [0_u8; 16];
        bytes.iter_mut().zip(digest.iter()).for_each(|(byte, digested)| *byte = *digested);
        uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn occasion(cause: &str) -> Occasion {
        Occasion {
            workspace_id: "w".to_owned(),
            cause: cause.to_owned(),
            asker: Asker::Person,
            permissions: Permissions::default(),
            agent_id: None,
            conversation_id: None,
            contact_id: None,
            channel_kind: None,
        }
    }

    #[test]
    fn a_repeated_call_makes_the_same_thing_and_another_another() {
        let call = |index| Call { index, name: "x".to_owned(), arguments: json!({}) };
        let id = occasion("job").id(&call(0));
        assert_eq!(id, occasion("job").id(&Call { arguments: json!({"y": 1}), ..call(0) }));
        assert_ne!(id, occasion("job").id(&call(1)));
        assert_ne!(id, occasion("other").id(&call(0)));
        assert_eq!(uuid::Uuid::parse_str(&id).unwrap().get_version_num(), 8);
    }

    #[test]
    fn a_person_reaches_what_is_theirs_and_the_team_everything() {
        let nobody = occasion("job");
        assert_eq!(nobody.only_person(), Some(""));
        let somebody = Occasion { contact_id: Some("c".to_owned()), ..nobody };
        assert_eq!(somebody.only_person(), Some("c"));
        assert_eq!(Occasion { asker: Asker::Team, ..somebody }.only_person(), None);
    }

    #[test]
    fn arguments_are_judged_by_the_schema() {
        let action = Action {
            name: "ring".to_owned(),
            description: String::new(),
            parameters: json!({
                "type": "object", "additionalProperties": false, "required": ["whom"],
                "properties": { "whom": { "type": "string", "minLength": 1 }, "times": { "type": "integer", "maximum": 3 } },
            }),
        };
        let cases = [
            (json!({"whom": "Ann", "times": 2}), vec![]),
            (json!({}), vec!["arguments"]),
            (json!({"whom": "", "times": 9}), vec!["times", "whom"]),
            (json!({"whom": "Ann", "loudly": true}), vec!["arguments"]),
            (json!("Ann"), vec!["arguments"]),
        ];
        for (arguments, expected) in cases {
            let fields = action.judge(&arguments).err().map(|error| error.fields).unwrap_or_default();
            let mut fields: Vec<&str> = fields.iter().map(|problem| problem.field.as_str()).collect();
            fields.sort_unstable();
            assert_eq!(fields, expected, "{arguments}");
        }
        let broken = Action { parameters: json!({"type": 5}), ..action };
        assert_eq!(broken.judge(&json!({})).unwrap_err().code, Code::Internal);
    }

    #[test]
    fn an_error_is_told_in_words_that_a_model_can_use() {
        let error = ActionError::fields(vec![FieldProblem::new("whom", "a name")]);
        assert_eq!(error.told()["error"]["details"][0], json!({"field": "whom", "expected": "a name"}));
        let unknown = ActionError::unknown("task").told();
        assert_eq!(unknown, json!({"error": {"code": "NOT_FOUND", "message": "there is no such task"}}));
    }
}
