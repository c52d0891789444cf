//! Many rows as one JSON parameter: an array of arrays, read back by `value->>N` in the statement.

/// Rows under construction. Columns are written in order, row by row.
#[derive(Debug)]
pub(super) struct Rows {
    text: String,
    count: usize,
    row_open: bool,
}

impl Rows {
    pub(super) fn new() -> Self {
        Self { text: String::from("["), count: 0, row_open: false }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Starts the next row.
    pub(super) fn row(&mut self) -> &mut Self {
        if self.row_open {
            self.text.push(']');
        }
        if self.count > 0 {
            self.text.push(',');
        }
        self.text.push('[');
        self.row_open = true;
        self.count += 1;
        self
    }

    fn separate(&mut self) {
        if !self.text.ends_with('[') {
            self.text.push(',');
        }
    }

    /// A text column. NUL has no place in a database text and becomes U+FFFD.
    pub(super) fn text(&mut self, value: &str) -> &mut Self {
        self.separate();
        if value.contains('\0') {
            self.quote(&value.replace('\0', "\u{fffd}"));
        } else {
            self.quote(value);
        }
        self
    }

    fn quote(&mut self, value: &str) {
        self.text.push('"');
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
            self.text.push_str(value.get(clean_from..at).unwrap_or_default());
            if escaped.is_empty() {
                self.text.push_str(&format!("\\u{byte:04x}"));
            } else {
                self.text.push_str(escaped);
            }
            clean_from = at + 1;
        }
        self.text.push_str(value.get(clean_from..).unwrap_or_default());
        self.text.push('"');
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
        self.separate();
        self.text.push_str(&value.to_string());
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
        self.separate();
        self.text.push_str("null");
        self
    }

    /// The parameter.
    pub(super) fn finish(mut self) -> String {
        if self.row_open {
            self.text.push(']');
        }
        self.text.push(']');
        self.text
    }
}


#[cfg(test)]
mod tests {
    use super::Rows;

    #[test]
    fn any_text_survives_as_json() {
        let mut rows = Rows::new();
        let texts = ["", "\"\\/\n\r\t\u{1}\u{1f}\u{7f}", "ä€😀\u{2028}", "a\0b", "[]{},:"];
        for text in texts {
            rows.row().text(text).int(-3).null().maybe_text(None).maybe_int(Some(i64::MAX));
        }
        let parsed: Vec<(String, i64, Option<String>, Option<String>, i64)> =
            serde_json::from_str(&rows.finish()).unwrap();
        let back: Vec<_> = parsed.iter().map(|row| row.0.replace('\u{fffd}', "\0")).collect();
        assert_eq!(back, texts);
        assert_eq!(Rows::new().finish(), "[]");
    }
}
