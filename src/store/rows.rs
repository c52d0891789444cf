//! Many rows as one parameter: an array of arrays, read back by `value->>N` in the statement. It is written in the form
//! in which `SQLite` itself holds JSON, where a text stands as it is and nothing has to be parsed; `PostgreSQL` gets the
//! same as JSON text.

use std::borrow::Cow;
use std::io::Write as _;

/// A text as the databases hold it: NUL has no place there and becomes U+FFFD.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// The kinds of elements, in the lower half of an element's first byte.
const NULL: u8 = 0;
const INT: u8 = 3;
const RAW_TEXT: u8 = 10;
const ARRAY: u8 = 11;
/// An array's first byte when its size, in four bytes, follows.
const LONG_ARRAY: u8 = 14 << 4 | ARRAY;
/// Bytes before an array's elements.
const ARRAY_HEAD: usize = 5;

/// Rows under construction. Columns are written in order, row by row.
#[derive(Debug)]
pub(super) struct Rows {
    bytes: Vec<u8>,
    count: usize,
    /// Where the open row begins.
    row: usize,
}

impl Rows {
    pub(super) const fn new() -> Self {
        Self { bytes: Vec::new(), count: 0, row: 0 }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Starts the next row.
    pub(super) fn row(&mut self) -> &mut Self {
        self.close(self.row);
        if self.count == 0 {
            self.open();
        }
        self.row = self.bytes.len();
        self.open();
        self.count += 1;
        self
    }

    fn open(&mut self) {
        self.bytes.extend_from_slice(&[LONG_ARRAY, 0, 0, 0, 0]);
    }

    /// Writes down how long the array is that begins here.
    fn close(&mut self, at: usize) {
        let size = self.bytes.len().saturating_sub(at + ARRAY_HEAD);
        // More than this neither database takes as one parameter.
        let size = u32::try_from(size).unwrap_or(u32::MAX).to_be_bytes();
        if let Some(place) = self.bytes.get_mut(at + 1..at + ARRAY_HEAD) {
            place.copy_from_slice(&size);
        }
    }

    fn element(&mut self, kind: u8, payload: &[u8]) {
        let size = payload.len();
        if let Some(short) = u8::try_from(size).ok().filter(|size| *size < 12) {
            self.bytes.push(short << 4 | kind);
        } else if let Ok(size) = u8::try_from(size) {
            self.bytes.extend_from_slice(&[12 << 4 | kind, size]);
        } else if let Ok(size) = u16::try_from(size) {
            self.bytes.push(13 << 4 | kind);
            self.bytes.extend_from_slice(&size.to_be_bytes());
        } else {
            self.bytes.push(14 << 4 | kind);
            self.bytes.extend_from_slice(&u32::try_from(size).unwrap_or(u32::MAX).to_be_bytes());
        }
        self.bytes.extend_from_slice(payload);
    }

    /// A text column.
    pub(super) fn text(&mut self, value: &str) -> &mut Self {
        self.element(RAW_TEXT, clean(value).as_bytes());
        self
    }

    /// A text column that may be NULL.
    pub(super) fn maybe_text(&mut self, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(value),
            None => self.null(),
        }
    }

    /// A whole-number column.
    pub(super) fn int(&mut self, value: i64) -> &mut Self {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&[12 << 4 | INT, 0]);
        // Writing to memory does not fail.
        let _ = write!(self.bytes, "{value}");
        let size = u8::try_from(self.bytes.len() - at - 2).unwrap_or_default();
        if let Some(place) = self.bytes.get_mut(at + 1) {
            *place = size;
        }
        self
    }

    /// A whole-number column that may be NULL.
    pub(super) fn maybe_int(&mut self, value: Option<i64>) -> &mut Self {
        match value {
            Some(value) => self.int(value),
            None => self.null(),
        }
    }

    /// A NULL.
    pub(super) fn null(&mut self) -> &mut Self {
        self.element(NULL, &[]);
        self
    }

    /// The parameter for `SQLite`.
    pub(super) fn into_jsonb(mut self) -> Vec<u8> {
        if self.count == 0 {
            self.open();
        }
        self.close(self.row);
        self.close(0);
        self.bytes
    }

    /// The parameter for `PostgreSQL`.
    pub(super) fn into_json(self) -> String {
        let bytes = self.into_jsonb();
        let mut json = String::with_capacity(bytes.len() + bytes.len() / 8);
        write_array(&mut json, bytes.get(ARRAY_HEAD..).unwrap_or_default());
        json
    }
}

/// Writes an array of these elements as JSON text.
fn write_array(json: &mut String, mut elements: &[u8]) {
    json.push('[');
    while let Some((kind, payload, rest)) = first(elements) {
        match kind {
            INT => json.push_str(&String::from_utf8_lossy(payload)),
            RAW_TEXT => quote(json, &String::from_utf8_lossy(payload)),
            ARRAY => write_array(json, payload),
            _ => json.push_str("null"),
        }
        if !rest.is_empty() {
            json.push(',');
        }
        elements = rest;
    }
    json.push(']');
}

/// The first element's kind and payload, and what follows it.
fn first(elements: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (head, rest) = elements.split_first()?;
    let (size, rest) = match head >> 4 {
        short @ 0..12 => (usize::from(short), rest),
        long => {
            let (size, rest) = rest.split_at_checked(1 << (long - 12))?;
            (size.iter().fold(0, |size, byte| size << 8 | usize::from(*byte)), rest)
        }
    };
    let (payload, rest) = rest.split_at_checked(size)?;
    Some((head & 0xf, payload, rest))
}

fn quote(json: &mut String, value: &str) {
    json.push('"');
    let mut clean_from = 0;
    for (at, byte) in value.bytes().enumerate() {
        let escaped = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..=0x1f => "",
            _ => continue,
        };
        json.push_str(value.get(clean_from..at).unwrap_or_default());
        if escaped.is_empty() {
            json.push_str(&format!("\\u{byte:04x}"));
        } else {
            json.push_str(escaped);
        }
        clean_from = at + 1;
    }
    json.push_str(value.get(clean_from..).unwrap_or_default());
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::Rows;

    #[test]
    fn any_text_survives_as_json() {
        let mut rows = Rows::new();
        let long = ["x".repeat(11), "y".repeat(12), "z".repeat(255), "ä".repeat(128), "\"".repeat(70_000)];
        let short = ["", "\"\\/\n\r\t\u{1}\u{1f}\u{7f}", "ä€😀\u{2028}", "a\0b", "[]{},:"];
        let texts: Vec<&str> = short.into_iter().chain(long.iter().map(String::as_str)).collect();
        for text in &texts {
            rows.row().text(text).int(-3).null().maybe_text(None).maybe_int(Some(i64::MIN));
        }
        type Row = (String, i64, Option<String>, Option<String>, i64);
        let parsed: Vec<Row> = serde_json::from_str(&rows.into_json()).unwrap();
        let back: Vec<_> = parsed.iter().map(|row| row.0.replace('\u{fffd}', "\0")).collect();
        assert_eq!(back, texts);
        assert!(parsed.iter().all(|row| (row.1, &row.2, &row.3, row.4) == (-3, &None, &None, i64::MIN)));
        assert_eq!(Rows::new().into_json(), "[]");
    }

    #[test]
    fn the_binary_form_is_the_one_that_the_database_documents() {
        let mut rows = Rows::new();
        rows.row().text("id").int(7).null();
        let expected: &[u8] = b"\xeb\0\0\0\x0c\xeb\0\0\0\x07\x2aid\xc3\x017\0";
        assert_eq!(rows.into_jsonb(), expected);
        assert_eq!(Rows::new().into_jsonb(), b"\xeb\0\0\0\0");
    }
}
