//! The hosted page of an agent: the widget alone on a page. It must not hold script or style of its own.

/// Value of `Content-Security-Policy` for the page: the widget's script and socket, and the media of messages.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; \
     img-src 'self' https: data:; media-src 'self' https:; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'self'";

/// Value of `Content-Type` for the page.
pub const CONTENT_TYPE: &str = "text/html; charset=utf-8";

/// What the page shows; all of it may come from strangers and is escaped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostedPage<'a> {
    /// The widget channel's id.
    pub channel_id: &'a str,
    /// The agent's name: the page's title and the chat's heading.
    pub title: &'a str,
    /// First words to a visitor who has not written yet; the widget's own when absent.
    pub greeting: Option<&'a str>,
    /// Accent colour, any CSS colour.
    pub color: Option<&'a str>,
    /// Language tag; absent, the visitor's browser decides.
    pub language: Option<&'a str>,
}

/// Renders the page as HTML.
#[must_use]
pub fn render(page: &HostedPage<'_>) -> String {
    let title = escape(page.title);
    let mut data = format!(" data-channel=\"{}\" data-title=\"{title}\"", escape(page.channel_id));
    for (name, value) in [("greeting", page.greeting), ("color", page.color), ("lang", page.language)] {
        if let Some(value) = value {
            data.push_str(&format!(" data-{name}=\"{}\"", escape(value)));
        }
    }
    let language = page.language.map(|tag| format!(" lang=\"{}\"", escape(tag))).unwrap_or_default();
    format!(
        "<!doctype html>\n\
         <html{language}>\n\
         <head>\n\
         <meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1, viewport-fit=cover, \
         interactive-widget=resizes-content\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n\
         <script type=\"module\" src=\"/widget.js\" data-mode=\"page\"{data}></script>\n\
         </head>\n\
         <body>\n\
         <noscript>This chat needs JavaScript.</noscript>\n\
         </body>\n\
         </html>\n"
    )
}

/// Makes a text safe between tags and within a quoted attribute.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_agent_and_its_channel() {
        let page = HostedPage {
            channel_id: "ch_1",
            title: "Ana & Co",
            greeting: Some("Hola"),
            color: Some("#0a7"),
            language: Some("es"),
        };
        let html = render(&page);
        assert!(html.contains("<html lang=\"es\">"));
        assert!(html.contains("<title>Ana &amp; Co</title>"));
        assert!(html.contains(
            "data-mode=\"page\" data-channel=\"ch_1\" data-title=\"Ana &amp; Co\" data-greeting=\"Hola\" \
             data-color=\"#0a7\" data-lang=\"es\""
        ));
    }

    #[test]
    fn nothing_of_a_stranger_becomes_markup() {
        let hostile = "'\"><script>alert(1)</script><img src=x onerror=alert(1)>&";
        let plain = render(&HostedPage::default()).matches('<').count();
        let html = render(&HostedPage {
            channel_id: hostile,
            title: hostile,
            greeting: Some(hostile),
            color: Some(hostile),
            language: Some(hostile),
        });
        assert_eq!(html.matches('<').count(), plain);
        assert!(html.contains("&#39;&quot;&gt;&lt;script&gt;"));
    }
}
