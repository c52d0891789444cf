//! Form bodies as bytes: `multipart/form-data` and `application/x-www-form-urlencoded`. Strict where a lenient reading
//! could be read in two ways, bounded everywhere, and ignorant of charsets.

use percent_encoding::percent_decode;

/// Most fields of a form.
const MOST_FIELDS: usize = 1_000;
/// Longest headers of one field, in bytes.
const LONGEST_HEADERS: usize = 16 * 1024;

/// A field of a form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Field<'a> {
    pub(super) name: String,
    /// It is a file when it has a name of one.
    pub(super) filename: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) value: std::borrow::Cow<'a, [u8]>,
}

/// The fields of a form, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Form<'a> {
    pub(super) fields: Vec<Field<'a>>,
}

impl<'a> Form<'a> {
    /// Reads a body by its `Content-Type`.
    ///
    /// # Errors
    /// What is wrong with it, without any of its content.
    pub(super) fn read(content_type: &str, body: &'a [u8]) -> Result<Self, String> {
        let (kind, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
        match kind.trim().to_ascii_lowercase().as_str() {
            "multipart/form-data" => multipart(&boundary(parameters)?, body),
            "application/x-www-form-urlencoded" => urlencoded(body),
            _ => Err("the content type is no form".to_owned()),
        }
    }

    /// The last field of this name: what users choose stands before what the provider adds.
    pub(super) fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.fields.iter().rev().find(|field| field.name == name).map(|field| field.value.as_ref())
    }

    /// The last field of this name as UTF-8, bad sequences replaced.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.bytes(name).map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// The fields that are files.
    pub(super) fn files(&self) -> impl Iterator<Item = &Field<'a>> {
        self.fields.iter().filter(|field| field.filename.is_some())
    }
}

fn boundary(parameters: &str) -> Result<String, String> {
    let found = parameter(parameters, "boundary").ok_or("the form has no boundary")?;
    let sound = (1..=200).contains(&found.len()) && found.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if sound { Ok(found) } else { Err("the form's boundary is no boundary".to_owned()) }
}

/// A parameter of a header, its quotes and their escapes removed.
pub(super) fn parameter(parameters: &str, name: &str) -> Option<String> {
    let mut rest = parameters;
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=')?;
        let key = key.trim_matches(|character: char| character == ';' || character.is_whitespace());
        let after = after.trim_start();
        let (value, after) = if let Some(quoted) = after.strip_prefix('"') { unquote(quoted) } else { bare(after) };
        if key.eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = after;
    }
    None
}

fn bare(text: &str) -> (String, &str) {
    let (value, after) = text.split_once(';').unwrap_or((text, ""));
    (value.trim().to_owned(), after)
}

fn unquote(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, text.get(at + 1..).unwrap_or_default()),
            // A browser writes `\` as it is, and a quote as `%22`; mail libraries escape. Only an escaped quote or
            // backslash is an escape, so that `C:\file` keeps its stroke.
            '\\' if text.get(at + 1..).is_some_and(|rest| rest.starts_with(['"', '\\'])) => {
                value.extend(characters.next().map(|(_, escaped)| escaped));
            }
            _ => value.push(character),
        }
    }
    (value, "")
}

fn multipart<'a>(boundary: &str, body: &'a [u8]) -> Result<Form<'a>, String> {
    let opening = format!("--{boundary}");
    let delimiter = format!("\r\n--{boundary}");
    let mut form = Form::default();
    let mut rest = match body.strip_prefix(opening.as_bytes()) {
        Some(rest) => rest,
        None => split_at(body, delimiter.as_bytes()).ok_or("the form's boundary does not occur")?.1,
    };
    loop {
        if rest.starts_with(b"--") {
            return Ok(form);
        }
        let blank = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let opened = rest.get(blank..).and_then(|rest| rest.strip_prefix(b"\r\n"));
        let part = opened.ok_or("the form's boundary ends in the middle of a line")?;
        let (part, after) = split_at(part, delimiter.as_bytes()).ok_or("the form is cut off")?;
        if form.fields.len() == MOST_FIELDS {
            return Err(format!("the form has more than {MOST_FIELDS} fields"));
        }
        form.fields.push(field(part)?);
        rest = after;
    }
}

fn field(part: &[u8]) -> Result<Field<'_>, String> {
    let (headers, value) = match part.strip_prefix(b"\r\n") {
        Some(value) => (&[][..], value),
        None => split_at(part, b"\r\n\r\n").ok_or("a field of the form has no body")?,
    };
    if headers.len() > LONGEST_HEADERS {
        return Err("a field's headers are too long".to_owned());
    }
    let mut field = Field { value: value.into(), ..Field::default() };
    for line in String::from_utf8_lossy(headers).split("\r\n") {
        let Some((name, value)) = line.split_once(':') else { continue };
        if name.trim().eq_ignore_ascii_case("content-disposition") {
            let (_, parameters) = value.split_once(';').unwrap_or_default();
            field.name = parameter(parameters, "name").unwrap_or_default();
            field.filename = parameter(parameters, "filename");
        } else if name.trim().eq_ignore_ascii_case("content-type") {
            field.content_type = Some(value.trim().to_owned());
        }
    }
    Ok(field)
}

fn urlencoded(body: &[u8]) -> Result<Form<'_>, String> {
    let mut form = Form::default();
    for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        if form.fields.len() == MOST_FIELDS {
            return Err(format!("the form has more than {MOST_FIELDS} fields"));
        }
        let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        let (name, value) = pair.split_at_checked(at).unwrap_or((pair, &[]));
        let name = String::from_utf8_lossy(&decoded(name)).into_owned();
        let value = decoded(value.get(1..).unwrap_or_default());
        form.fields.push(Field { name, value: value.into(), ..Field::default() });
    }
    Ok(form)
}

fn decoded(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).collect()
}

/// What stands before and behind the first occurrence of a mark. It looks at each byte a few times at most, as a
/// boundary holds no carriage return but its first byte.
fn split_at<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let first = *mark.first()?;
    let mut from = 0;
    while let Some(found) = bytes.get(from..)?.iter().position(|byte| *byte == first) {
        let at = from + found;
        if bytes.get(at..)?.starts_with(mark) {
            return Some((bytes.get(..at)?, bytes.get(at + mark.len()..)?));
        }
        from = at + 1;
    }
    None
}
