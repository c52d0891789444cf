//! Hands the widget's assets to the HTTP doors: rooms of one floor do not know each other.

use crate::api::platform::widget::{Assets, Hosted, Script};
use crate::widget;
use crate::widget::page::{self, HostedPage};

/// The widget's script and page, as the doors want them.
pub fn assets() -> Assets {
    let script = widget::script();
    Assets {
        script: Script {
            body: &script.body,
            content_type: script.content_type,
            etag: &script.etag,
            headers: &widget::ASSET_HEADERS,
            is_current: |value| widget::is_current(widget::script(), value),
        },
        page: |hosted: &Hosted<'_>| {
            page::render(&HostedPage {
                channel_id: hosted.channel_id,
                title: hosted.title,
                greeting: hosted.greeting,
                color: hosted.color,
                language: hosted.language,
            })
        },
        page_policy: page::CONTENT_SECURITY_POLICY,
    }
}
