//! The model that repeats the customer: for trying channels out, and for measuring everything but a model.

use super::answer::Answer;
use super::failure::{ModelFailure, ModelFailureCode};
use super::prompt::Prompt;

/// The name this model answers under.
pub const NAME: &str = "builtin/echo";

pub(super) fn answer(prompt: &Prompt, deltas: &mut dyn FnMut(&str)) -> Result<Answer, ModelFailure> {
    let question = prompt.question();
    if question.is_empty() {
        return Err(ModelFailure::new(ModelFailureCode::EmptyAnswer, "there is nothing to repeat"));
    }
    deltas(question);
    Ok(Answer::of_text(NAME, question.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::prompt::{Role, Turn};

    #[test]
    fn the_last_words_of_the_customer_come_back_verbatim() {
        let turn = |role, text: &str| Turn { role, text: text.to_owned() };
        let cases = [
            (vec![], None),
            (vec![turn(Role::Assistant, "Hello")], None),
            (vec![turn(Role::User, "")], None),
            (vec![turn(Role::User, " 👋\nhi ")], Some(" 👋\nhi ")),
            (vec![turn(Role::User, "one"), turn(Role::User, "two"), turn(Role::Assistant, "three")], Some("two")),
        ];
        for (turns, expected) in cases {
            let prompt = Prompt { turns, ..Prompt::default() };
            let mut streamed = String::new();
            let answer = answer(&prompt, &mut |delta| streamed.push_str(delta));
            assert_eq!(answer.as_ref().map(|answer| answer.text.as_str()).ok(), expected);
            assert_eq!(streamed, expected.unwrap_or_default());
        }
    }
}
