//! The shapes that fields of many resources share: a line, a text, tags, a member that may be null.

use serde::{Deserialize, Deserializer};

use super::errors::FieldProblem;

/// Most tags.
const MOST_TAGS: usize = 50;
/// Longest tag, in characters.
pub const LONGEST_TAG: usize = 64;

/// A member that is there, be it null.
///
/// # Errors
/// It is neither null nor of its type.
pub fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(member: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(member).map(Some)
}

/// A line of 1 to `longest` characters, not blanks alone, without the blanks around it; `None`: it is none.
#[must_use]
pub fn line(text: &str, longest: usize) -> Option<String> {
    let plain = text.trim();
    let good = !plain.is_empty() && text.chars().count() <= longest && !plain.contains(char::is_control);
    good.then(|| plain.to_owned())
}

/// A text of 1 to `longest` characters, not blanks alone, that may have many lines, without the blanks around it; `None`:
/// it is none.
#[must_use]
pub fn text(text: &str, longest: usize) -> Option<String> {
    let plain = text.trim();
    let odd = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    let good = !plain.is_empty() && text.chars().count() <= longest && !plain.contains(odd);
    good.then(|| plain.to_owned())
}

/// Tags, each once; adds what is wrong with them to the problems of their fields.
pub fn tags(tags: &[String], problems: &mut Vec<FieldProblem>) -> Vec<String> {
    if tags.len() > MOST_TAGS {
        problems.push(FieldProblem::new("tags", format!("at most {MOST_TAGS} tags")));
    }
    let mut good: Vec<String> = Vec::with_capacity(tags.len());
    for (index, tag) in tags.iter().enumerate() {
        match line(tag, LONGEST_TAG) {
            Some(tag) if good.contains(&tag) => {}
            Some(tag) => good.push(tag),
            None => {
                let expected = format!("1 to {LONGEST_TAG} characters on one line");
                problems.push(FieldProblem::new(format!("tags[{index}]"), expected));
            }
        }
    }
    good
}

/// Lays what was said over a field: what was left out stays, null empties, and what has not its form is a problem.
pub fn lay<T>(
    field: &mut Option<T>,
    said: Option<Option<String>>,
    (name, expected): (&str, &str),
    form: impl Fn(&str) -> Option<T>,
    problems: &mut Vec<FieldProblem>,
) {
    match said {
        None => {}
        Some(None) => *field = None,
        Some(Some(text)) => match form(&text) {
            Some(good) => *field = Some(good),
            None => problems.push(FieldProblem::new(name, expected)),
        },
    }
}

/// The id of a row, in its stored form; `None`: it is none.
#[must_use]
pub fn id(text: &str) -> Option<String> {
    let id = (text.len() == 36).then(|| uuid::Uuid::try_parse(text).ok()).flatten();
    id.map(|id| id.to_string())
}

#[cfg(test)]
mod tests {
    use super::{line, tags, text};

    #[test]
    fn lines_and_texts_have_their_shape() {
        assert_eq!(line(" a b ", 5).as_deref(), Some("a b"));
        assert_eq!(text(" a\nb ", 5).as_deref(), Some("a\nb"));
        for bad in ["", "  ", "abcd", " abc", "a\u{7}b"] {
            assert_eq!((line(bad, 3), text(bad, 3)), (None, None), "{bad:?}");
        }
        assert_eq!(line("a\nb", 3), None);
    }

    #[test]
    fn tags_are_kept_once_and_their_problems_named() {
        let mut problems = Vec::new();
        let given = ["a", "a ", "", "b"].map(str::to_owned);
        assert_eq!(tags(&given, &mut problems), ["a", "b"]);
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].field, "tags[2]");
    }
}
