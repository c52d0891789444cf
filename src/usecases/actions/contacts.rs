//! What agents can find out about people, and write down about them.

use futures_util::FutureExt as _;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Entry, arguments, person};
use crate::domain::actions::{ActionError, Call, Occasion, Outcome};
use crate::domain::contacts::{self, Particulars, Person};
use crate::domain::errors::{Code, FieldProblem};
use crate::domain::messages::{AuthorKind, Direction};
use crate::domain::principals::Permission;
use crate::store::contacts::ContactRefusal;
use crate::store::messages::Span;
use crate::usecases::Switchboard;
use crate::usecases::contacts::Unmade;

/// Most people that one search gives.
const MOST_FOUND: i64 = 10;

pub(super) const SEARCH: Entry = Entry {
    name: "search_contacts",
    description: "Finds people the workspace knows, by a part of their name, email address or phone number; a customer finds \
                  themselves alone.",
    parameters: || {
        json!({
            "type": "object", "additionalProperties": false, "required": ["query"],
            "properties": { "query": {
                "type": "string", "minLength": 2, "maxLength": 200,
                "description": "A part of the name, of the email address, or of the phone number.",
            } },
        })
    },
    permission: Permission::Read,
    team_only: false,
    run: |tools, occasion, call| search(&tools.switchboard, occasion, call).boxed(),
};

pub(super) const READ_TIMELINE: Entry = Entry {
    name: "read_timeline",
    description: "Reads what was said with a person lately, over all channels, the oldest first.",
    parameters: || {
        json!({
            "type": "object", "additionalProperties": false,
            "properties": {
                "contact_id": {
                    "type": "string", "maxLength": 64,
                    "description": "The person, as search_contacts names them; without it the person of this conversation.",
                },
                "limit": { "type": "integer", "minimum": 1, "maximum": 50, "description": "Most messages; else 20." },
            },
        })
    },
    permission: Permission::Read,
    team_only: false,
    run: |tools, occasion, call| read_timeline(&tools.switchboard, occasion, call).boxed(),
};

pub(super) const CREATE: Entry = Entry {
    name: "create_contact",
    description: "Adds a person to the workspace's contacts.",
    parameters: || particulars(false),
    permission: Permission::Write,
    team_only: false,
    run: |tools, occasion, call| create(&tools.switchboard, occasion, call).boxed(),
};

pub(super) const UPDATE: Entry = Entry {
    name: "update_contact",
    description: "Writes down what is now known of a person: name, email address, phone number, or other attributes by \
                  name. What is not given stays as it is.",
    parameters: || particulars(true),
    permission: Permission::Write,
    team_only: false,
    run: |tools, occasion, call| update(&tools.switchboard, occasion, call).boxed(),
};

fn particulars(of_known: bool) -> Value {
    let mut schema = json!({
        "type": "object", "additionalProperties": false, "minProperties": 1,
        "properties": {
            "name": { "type": "string", "minLength": 1, "maxLength": 200 },
            "email": { "type": "string", "minLength": 3, "maxLength": 254 },
            "phone": { "type": "string", "minLength": 7, "maxLength": 20, "description": "With country code: +14155551234." },
            "attributes": {
                "type": "object", "maxProperties": 20, "description": "Anything else, by name.",
                "additionalProperties": { "type": ["string", "number", "boolean"] },
            },
        },
    });
    let id = json!({ "type": "string", "maxLength": 64, "description": "The person; without it the person of this conversation." });
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut).filter(|_| of_known) {
        properties.insert("contact_id".to_owned(), id);
    }
    schema
}

#[derive(Deserialize)]
struct Search {
    query: String,
}

async fn search(switchboard: &Switchboard, occasion: &Occasion, call: Call) -> Result<Outcome, ActionError> {
    let Search { query } = arguments(&call)?;
    let (store, workspace_id) = (&switchboard.store, &occasion.workspace_id);
    let found = match occasion.only_person() {
        None => store.persons_like(workspace_id, &query, MOST_FOUND).await?,
        // Whoever a customer looks for, they find nobody but themselves.
        Some(only) => {
            let own = store.person(workspace_id, only).await?;
            own.filter(|own| own.goes_by(&query)).into_iter().collect()
        }
    };
    Ok(json!({ "contacts": found.iter().map(shown).collect::<Vec<_>>() }).into())
}

#[derive(Deserialize)]
struct ReadTimeline {
    contact_id: Option<String>,
    limit: Option<i64>,
}

async fn read_timeline(switchboard: &Switchboard, occasion: &Occasion, call: Call) -> Result<Outcome, ActionError> {
    let ReadTimeline { contact_id, limit } = arguments(&call)?;
    let person = person(switchboard, occasion, contact_id).await?;
    let span = Span { since: None, except: None, before: None };
    let moments = switchboard.timeline(&occasion.workspace_id, &person, span, limit.unwrap_or(20)).await?;
    let said: Vec<Value> = moments
        .iter()
        .filter(|moment| moment.message.deleted_at.is_none())
        .map(|moment| {
            let from = match (moment.message.direction, moment.message.author.kind) {
                (Direction::Inbound, _) => "customer",
                (Direction::Outbound, AuthorKind::Human) => "colleague",
                (Direction::Outbound, _) => "agent",
            };
            json!({
                "at": moment.message.created_at, "channel": moment.channel_kind.as_str(), "from": from,
                "text": moment.message.body.chars().take(1_000).collect::<String>(),
            })
        })
        .collect();
    Ok(json!({ "messages": said }).into())
}

#[derive(Deserialize)]
struct Described {
    contact_id: Option<String>,
    name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    #[serde(default)]
    attributes: Map<String, Value>,
}

impl Described {
    fn particulars(&self) -> Result<Particulars, ActionError> {
        let field = |name: &str, expected: &str| ActionError::fields(vec![FieldProblem::new(name, expected)]);
        let email = self.email.as_deref().map(|text| contacts::email(text).ok_or(field("email", "an email address")));
        let expected = "a phone number with its country code: +14155551234";
        let phone = self.phone.as_deref().map(|text| contacts::phone(text).ok_or(field("phone", expected)));
        Ok(Particulars {
            name: self.name.clone().map(Some),
            email: email.transpose()?.map(Some),
            phone: phone.transpose()?.map(Some),
            attributes: self.attributes.clone(),
            ..Particulars::default()
        })
    }
}

async fn create(switchboard: &Switchboard, occasion: &Occasion, call: Call) -> Result<Outcome, ActionError> {
    let said = arguments::<Described>(&call)?.particulars()?;
    let made = switchboard.make_contact(&occasion.workspace_id, &said, Some(occasion.key(&call))).await;
    let (person, _) = made.map_err(|unmade| match unmade {
        Unmade::Refused(refusal) => refused(occasion, &refusal),
        Unmade::KeyMismatch => ActionError::new(Code::IdempotencyMismatch, "this call has made another contact before"),
        Unmade::Gone => ActionError::unknown("contact"),
    })?;
    Ok(shown(&person).into())
}

async fn update(switchboard: &Switchboard, occasion: &Occasion, call: Call) -> Result<Outcome, ActionError> {
    let described: Described = arguments(&call)?;
    let said = described.particulars()?;
    let known = person(switchboard, occasion, described.contact_id).await?;
    let changed = switchboard.store.change_contact(&occasion.workspace_id, &known.id, &said).await;
    changed.map_err(|refusal| refused(occasion, &refusal))?;
    let person = switchboard.store.person(&occasion.workspace_id, &known.id).await?;
    Ok(shown(&person.ok_or_else(|| ActionError::unknown("contact"))?).into())
}

fn refused(occasion: &Occasion, refusal: &ContactRefusal) -> ActionError {
    match refusal {
        ContactRefusal::Unknown => ActionError::unknown("contact"),
        ContactRefusal::Store(_) => ActionError::new(Code::Unavailable, "this cannot be done just now"),
        // Whose it is, is not for a customer to know.
        _ if occasion.only_person().is_some() => {
            ActionError::new(Code::Conflict, "this cannot be written down; somebody of the team has to look at it")
        }
        other => ActionError::new(Code::Conflict, other.to_string()),
    }
}

/// A person as a model sees them.
fn shown(person: &Person) -> Value {
    json!({
        "contact_id": person.id, "name": person.name, "phone": person.phone, "email": person.email,
        "external_id": person.external_id, "attributes": person.attributes, "tags": person.tags,
    })
}
