//! Hands the widget's assets to the HTTP doors: rooms of one floor do not know each other.

use crate::api::platform::widget::{Assets, Hosted, Script};
use crate::widget;
use crate::widget::page::{self, HostedPage};

/// The widget's script and page, as the doors want them.
pub fn assets() -> Assets {
    Assets {
        script: served(widget::script(), |value| widget::is_current(widget::script(), value)),
        lead_form: served(widget::lead_form(), |value| widget::is_current(widget::lead_form(), value)),
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

fn served(asset: &'static widget::Asset, is_current: fn(&str) -> bool) -> Script {
    Script {
        body: &asset.body,
        content_type: asset.content_type,
        etag: &asset.etag,
        headers: &widget::ASSET_HEADERS,
        is_current,
    }
}
