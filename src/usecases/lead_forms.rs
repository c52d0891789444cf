//! A visitor of a widget fills in its form: what they ask is said in their conversation, and the lead is its contact's.

use std::net::IpAddr;

use switchboard_channels::contract::content::Content;

use super::Switchboard;
use super::leads::{NewLead, Uncaptured, judge_details};
use super::throttling::{Rate, TooOften, place};
use super::visiting::Unvisited;
use crate::domain::channels::LeadForm;
use crate::domain::contacts::email;
use crate::domain::errors::FieldProblem;
use crate::domain::leads::{Lead, LeadDetails};
use crate::domain::principals::Visitor;

/// Forms from one place.
const FORM_PLACE: Rate = Rate { burst: 10, every_ms: 60_000 };
/// Longest message, in characters.
const LONGEST_MESSAGE: usize = 4_000;
/// Digits of a phone number, as it is dialled at home or from abroad.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 5..=15;

/// A form as it was filled in.
#[derive(Debug)]
pub struct FilledForm {
    /// What they are called.
    pub name: Option<String>,
    /// Email address.
    pub email: Option<String>,
    /// Phone number.
    pub phone: Option<String>,
    /// What they ask.
    pub message: String,
    /// The visitor's idempotency key.
    pub key: Option<String>,
}

/// Why a form was not taken. Nothing was stored.
#[derive(Debug)]
pub enum Unfilled {
    /// The widget has no form.
    NoForm,
    /// These fields are not as documented.
    Fields(Vec<FieldProblem>),
    /// Too many forms from there.
    TooOften(TooOften),
    /// The key was used for something else.
    KeyMismatch,
    /// What the key made was deleted since.
    Gone,
    /// The widget is gone, or the store is away.
    Unvisited(Unvisited),
}

impl<E: Into<Unvisited>> From<E> for Unfilled {
    fn from(error: E) -> Self {
        Self::Unvisited(error.into())
    }
}

impl From<Uncaptured> for Unfilled {
    fn from(uncaptured: Uncaptured) -> Self {
        match uncaptured {
            Uncaptured::Fields(problems) => Self::Fields(problems),
            Uncaptured::KeyMismatch => Self::KeyMismatch,
            Uncaptured::Gone => Self::Gone,
            Uncaptured::Store(error) => error.into(),
        }
    }
}

impl Switchboard {
    /// Takes a visitor's form, once for each of their keys. Gives the lead, and whether the key had captured it before.
    ///
    /// # Errors
    /// See [`Unfilled`].
    pub async fn fill_lead_form(
        &self,
        visitor: &Visitor,
        form: FilledForm,
        from: IpAddr,
    ) -> Result<(Lead, bool), Unfilled> {
        let account = self.widget(&visitor.channel_id).await?;
        if LeadForm::of(&account.channel.settings) == LeadForm::Off {
            return Err(Unfilled::NoForm);
        }
        let (details, message) = judge(&form)?;
        self.throttle.take("lead form", &place(from), FORM_PLACE, self.now()).map_err(Unfilled::TooOften)?;
        let said_as = form.key.clone().unwrap_or_else(|| self.store.clock().id());
        // It is said first, so that there is a contact whose lead it is; said again under its key, it is there once.
        self.visitor_says(visitor, &said_as, Content::text(&message), None).await?;
        let conversation_id = self.visited_conversation(visitor).await?;
        let wanted = NewLead {
            agent_id: None,
            conversation_id,
            session_id: Some(visitor.visitor_id.clone()),
            details,
            source: "widget".to_owned(),
            key: form.key.map(|key| format!("widget:{}:{key}", visitor.visitor_id)),
        };
        Ok(self.capture_lead(&account.channel.workspace_id, wanted).await?)
    }
}

/// Reads a form: a way to reach them and what they ask, or every field that is not as documented.
fn judge(form: &FilledForm) -> Result<(LeadDetails, String), Unfilled> {
    let mut problems = Vec::new();
    let message = form.message.trim();
    if message.is_empty() || form.message.chars().count() > LONGEST_MESSAGE || message.contains('\0') {
        problems.push(FieldProblem::new("message", format!("1 to {LONGEST_MESSAGE} characters, without NUL")));
    }
    let said = LeadDetails {
        contact_name: form.name.clone(),
        contact_email: form.email.clone(),
        contact_phone: form.phone.clone(),
        notes: None,
    };
    let details = judge_details(said, &mut problems);
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).count();
    if details.contact_email.as_deref().is_some_and(|text| email(text).is_none()) {
        problems.push(FieldProblem::new("contact_email", "an email address"));
    }
    if details.contact_phone.as_deref().is_some_and(|text| !PHONE_DIGITS.contains(&digits(text))) {
        problems.push(FieldProblem::new("contact_phone", "a phone number"));
    }
    if details.contact_email.is_none() && details.contact_phone.is_none() {
        problems.push(FieldProblem::new("contact_email", "an email address, or a phone number"));
    }
    if problems.is_empty() {
        Ok((LeadDetails { notes: Some(message.to_owned()), ..details }, message.to_owned()))
    } else {
        Err(Unfilled::Fields(problems))
    }
}

#[cfg(test)]
mod tests {
    use super::{FilledForm, Unfilled, judge};

    fn form(email: &str, phone: &str, message: &str) -> FilledForm {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        FilledForm { name: None, email: given(email), phone: given(phone), message: message.to_owned(), key: None }
    }

    #[test]
    fn a_form_needs_a_way_to_answer_and_something_to_answer() {
        let long = "x".repeat(4_001);
        for (form, expected) in [
            (form("Jane@Example.com", "", "Hi"), vec![]),
            (form("", "030 / 12 34 56", "Hi"), vec![]),
            (form("", "", "Hi"), vec!["contact_email"]),
            (form(" ", "", " "), vec!["message", "contact_email"]),
            (form("jane", "12", &long), vec!["message", "contact_email", "contact_phone"]),
            (form("", "+4930123456\n", "nul \0"), vec!["message"]),
        ] {
            let fields: Vec<String> = match judge(&form) {
                Ok(_) => Vec::new(),
                Err(Unfilled::Fields(problems)) => problems.into_iter().map(|problem| problem.field).collect(),
                Err(other) => panic!("{other:?}"),
            };
            assert_eq!(fields, expected, "{form:?}");
        }
    }
}
