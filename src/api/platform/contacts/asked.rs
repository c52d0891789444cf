//! What the workspace may say about a person, and whether it has the documented shape.

use actix_web::HttpRequest;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::api::failure::Failure;
use crate::domain::contacts::{Particulars, email, phone};
use crate::domain::errors::FieldProblem;
use crate::domain::fields::{self, LONGEST_TAG, given, line};

/// Longest name, in characters.
const LONGEST_NAME: usize = 200;
/// Longest id in the workspace's own system, in characters.
const LONGEST_ID: usize = 255;
/// Most attributes in one request.
const MOST_ATTRIBUTES: usize = 100;
/// Longest attribute, in bytes of JSON.
const LONGEST_ATTRIBUTE: usize = 4_096;

/// A contact to make; at least one field says who it is.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewContact {
    /// Display name, 1 to 200 characters.
    #[schema(format = "line", max_length = 200, example = "Jane Doe")]
    name: Option<String>,
    /// Phone number in E.164; spaces, dots, hyphens and parentheses are left out.
    #[schema(format = "phone", example = "+14155551234")]
    phone: Option<String>,
    /// Email address; kept in lower case.
    #[schema(format = "email", example = "jane@example.com")]
    email: Option<String>,
    /// The person's id in the workspace's own system, the one that a site signs; 1 to 255 characters.
    #[schema(format = "line", max_length = 255, example = "customer-42")]
    external_id: Option<String>,
    /// What else is known, by name: at most 100, each at most 4,096 bytes of JSON.
    #[serde(default)]
    #[schema(value_type = Object, example = json!({"plan": "gold"}))]
    attributes: Map<String, Value>,
    /// At most 50 words of 1 to 64 characters.
    #[serde(default)]
    #[schema(max_items = 50, example = json!(["newsletter"]))]
    tags: Vec<String>,
}

/// What shall change; what is left out stays as it is.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ContactPatch {
    /// Display name, 1 to 200 characters; null: what the channels say.
    #[serde(deserialize_with = "given")]
    #[schema(format = "line", max_length = 200, value_type = Option<String>, example = "Jane Smith")]
    name: Option<Option<String>>,
    /// Phone number in E.164, or null.
    #[serde(deserialize_with = "given")]
    #[schema(format = "phone", value_type = Option<String>, example = "+14155551234")]
    phone: Option<Option<String>>,
    /// Email address, or null.
    #[serde(deserialize_with = "given")]
    #[schema(format = "email", value_type = Option<String>, example = "jane@example.com")]
    email: Option<Option<String>>,
    /// The person's id in the workspace's own system, or null.
    #[serde(deserialize_with = "given")]
    #[schema(format = "line", max_length = 255, value_type = Option<String>, example = "customer-42")]
    external_id: Option<Option<String>>,
    /// Attributes to set; a null takes one away.
    #[schema(value_type = Object, example = json!({"plan": "platinum", "trial": null}))]
    attributes: Map<String, Value>,
    /// All tags from now on.
    #[schema(max_items = 50, example = json!(["newsletter"]))]
    tags: Option<Vec<String>>,
}

impl NewContact {
    /// What it says, in the stored forms.
    ///
    /// # Errors
    /// 400 with every failing field.
    pub fn judge(self, request: &HttpRequest) -> Result<Particulars, Failure> {
        let Self { name, phone, email, external_id, attributes, tags } = self;
        if name.is_none() && phone.is_none() && email.is_none() && external_id.is_none() {
            let problem = FieldProblem::new("body", "a name, a phone number, an email address or an external_id");
            return Err(Failure::fields(request, &[problem]));
        }
        let patch = ContactPatch {
            name: name.map(Some),
            phone: phone.map(Some),
            email: email.map(Some),
            external_id: external_id.map(Some),
            attributes,
            tags: Some(tags),
        };
        patch.judge(request)
    }
}

impl ContactPatch {
    /// What it says, in the stored forms.
    ///
    /// # Errors
    /// 400 with every failing field.
    pub fn judge(self, request: &HttpRequest) -> Result<Particulars, Failure> {
        let mut problems = Vec::new();
        let mut read = |field: &str, given: Option<Option<String>>, expected: &str, form: Form| {
            let text = given?;
            let good = text.as_deref().map(form);
            if good == Some(None) {
                problems.push(FieldProblem::new(field, expected));
            }
            Some(good.flatten())
        };
        let name = read("name", self.name, "1 to 200 characters on one line", |text| line(text, LONGEST_NAME));
        let phone = read("phone", self.phone, "a phone number in E.164, such as +14155551234", phone);
        let email = read("email", self.email, "an email address", email);
        let external_id =
            read("external_id", self.external_id, "1 to 255 characters on one line", |text| line(text, LONGEST_ID));
        judge_attributes(&self.attributes, &mut problems);
        let tags = self.tags.map(|tags| fields::tags(&tags, &mut problems));
        if problems.is_empty() {
            Ok(Particulars { name, phone, email, external_id, attributes: self.attributes, tags })
        } else {
            Err(Failure::fields(request, &problems))
        }
    }
}

/// Reads a text into its stored form.
type Form = fn(&str) -> Option<String>;

fn judge_attributes(attributes: &Map<String, Value>, problems: &mut Vec<FieldProblem>) {
    if attributes.len() > MOST_ATTRIBUTES {
        problems.push(FieldProblem::new("attributes", format!("at most {MOST_ATTRIBUTES} attributes")));
    }
    for (name, value) in attributes {
        if line(name, LONGEST_TAG).as_ref() != Some(name) {
            let expected = format!("attributes whose names have 1 to {LONGEST_TAG} characters on one line");
            problems.push(FieldProblem::new("attributes", expected));
        } else if value.to_string().len() > LONGEST_ATTRIBUTE {
            let expected = format!("at most {LONGEST_ATTRIBUTE} bytes of JSON");
            problems.push(FieldProblem::new(format!("attributes.{name}"), expected));
        }
    }
}
