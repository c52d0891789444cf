//! Plain HTML for what is written as text. All that comes in is escaped.

/// A text that is shown as it is.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// A text in paragraphs, line by line.
pub(super) fn paragraphs(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let paragraphs = text
        .split("\n\n")
        .map(|paragraph| paragraph.trim_matches('\n'))
        .filter(|paragraph| !paragraph.trim().is_empty());
    paragraphs.map(|paragraph| format!("<p>{}</p>", escaped(paragraph).replace('\n', "<br>"))).collect()
}

/// A line of its own in heavy letters.
pub(super) fn strong(text: &str) -> String {
    format!("<p><strong>{}</strong></p>", escaped(text))
}

/// A small line.
pub(super) fn quiet(text: &str) -> String {
    format!("<p style=\"color:#767676;font-size:12px\">{}</p>", escaped(text))
}

/// A numbered list of what is escaped already.
pub(super) fn numbered(items: &[String]) -> String {
    let items: String = items.iter().map(|item| format!("<li>{item}</li>")).collect();
    format!("<ol>{items}</ol>")
}

/// A link in a paragraph.
pub(super) fn link(label: &str, url: &str) -> String {
    format!("<p><a href=\"{}\">{}</a></p>", escaped(url), escaped(label))
}
