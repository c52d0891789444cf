//! `${NAME}` in the strings of a file: filled in from the environment that the caller hands over. `$${` is a plain `${`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::domain::errors::FieldProblem;

/// Turns the file's values into JSON with all variables filled in; a date becomes its text.
pub fn fill(
    value: toml::Value,
    path: &str,
    environment: &BTreeMap<String, String>,
    problems: &mut Vec<FieldProblem>,
) -> Value {
    match value {
        toml::Value::String(text) => match replace(&text, environment) {
            Ok(text) => Value::String(text),
            Err(expected) => {
                problems.push(FieldProblem::new(path, expected));
                // The field itself is not absent, so it must not be complained about twice.
                Value::Null
            }
        },
        toml::Value::Integer(number) => Value::from(number),
        toml::Value::Float(number) => Value::from(number),
        toml::Value::Boolean(flag) => Value::from(flag),
        toml::Value::Datetime(date) => Value::String(date.to_string()),
        toml::Value::Array(items) => {
            let fill_item = |(index, item)| fill(item, &format!("{path}[{index}]"), environment, problems);
            Value::Array(items.into_iter().enumerate().map(fill_item).collect())
        }
        toml::Value::Table(table) => {
            let fill_member = |(name, member): (String, toml::Value)| {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                let member = fill(member, &path, environment, problems);
                (name, member)
            };
            Value::Object(table.into_iter().map(fill_member).collect::<Map<_, _>>())
        }
    }
}

fn replace(text: &str, environment: &BTreeMap<String, String>) -> Result<String, String> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            filled.push_str(before);
            filled.push_str("${");
            rest = after;
            continue;
        }
        filled.push_str(before);
        let (name, behind) = after.split_once('}').ok_or("a variable with its end: ${NAME}; $${ is a plain ${")?;
        if !is_name(name) {
            return Err("a variable's name of letters, digits and underscores: ${NAME}; $${ is a plain ${".to_owned());
        }
        let value =
            environment.get(name).ok_or_else(|| format!("the environment variable {name}, which is not set"))?;
        filled.push_str(value);
        rest = behind;
    }
    filled.push_str(rest);
    Ok(filled)
}

fn is_name(name: &str) -> bool {
    let starts_well = name.bytes().next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_');
    starts_well && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_filled_in_once() {
        let environment = BTreeMap::from([("A".to_owned(), "${B}".to_owned()), ("_x1".to_owned(), "é".to_owned())]);
        let cases = [
            ("", Ok("")),
            ("plain $ {A} }", Ok("plain $ {A} }")),
            ("${A}", Ok("${B}")),
            ("a${_x1}b${_x1}", Ok("aébé")),
            ("$${A} costs $5", Ok("${A} costs $5")),
            ("${MISSING}", Err("MISSING")),
            ("${A", Err("its end")),
            ("${}", Err("name")),
            ("${1A}", Err("name")),
            ("${A B}", Err("name")),
        ];
        for (text, expected) in cases {
            match (replace(text, &environment), expected) {
                (Ok(filled), Ok(expected)) => assert_eq!(filled, expected, "{text}"),
                (Err(problem), Err(expected)) => assert!(problem.contains(expected), "{text}: {problem}"),
                (got, _) => panic!("{text}: {got:?}"),
            }
        }
    }

    #[test]
    fn a_missing_variable_is_named_with_its_field() {
        let file: toml::Table = toml::from_str("[[a]]\nb = ['x', '${NO}']\nc = 1979-05-27T07:32:00Z").expect("TOML");
        let mut problems = Vec::new();
        let filled = fill(toml::Value::Table(file), "", &BTreeMap::new(), &mut problems);
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].field, "a[0].b[1]");
        assert_eq!(filled["a"][0]["c"], "1979-05-27T07:32:00Z");
    }
}
