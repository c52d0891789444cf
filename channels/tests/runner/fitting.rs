//! Content in the form that a channel carries: case by case, and what holds for all of them.

use proptest::prelude::*;
use serde_json::{Value, json};
use switchboard_channels::Kind;
use switchboard_channels::contract::capabilities::{
    ButtonRule, Capabilities, ListRule, MediaBy, MediaKind, MediaRule, TextRule, Unit, WindowRule,
};
use switchboard_channels::contract::content::{Button, Content, Header, Media, Row, Section};
use switchboard_channels::contract::fitting::{chosen, fit, options};

use crate::fixtures::json;

/// Small limits, so that cases can be read.
const RICH: Capabilities = Capabilities {
    text: TextRule { limit: 60, unit: Unit::Characters },
    buttons: Some(ButtonRule { most: 3, title_limit: 10, text_limit: 40 }),
    list: Some(ListRule { most: 4, title_limit: 12, description_limit: 15, text_limit: 50 }),
    link_buttons: true,
    media: &[
        MediaRule { kind: MediaKind::Image, types: &["image/jpeg", "image/png"], most_bytes: 1_000, caption_limit: 20 },
        MediaRule { kind: MediaKind::Audio, types: &["audio/*"], most_bytes: 1_000, caption_limit: 0 },
        MediaRule { kind: MediaKind::Document, types: &[], most_bytes: 5_000, caption_limit: 20 },
    ],
    media_by: MediaBy::Upload,
    location: true,
    contacts: true,
    templates: true,
    reactions: true,
    replies: true,
    typing: true,
    seen: true,
    receipts: true,
    threads: false,
    window: WindowRule::None,
};

const PLAIN: Capabilities = Capabilities {
    text: TextRule { limit: 60, unit: Unit::Utf16 },
    buttons: None,
    list: None,
    link_buttons: false,
    media: &[],
    media_by: MediaBy::Link,
    location: false,
    contacts: false,
    templates: false,
    reactions: false,
    ..RICH
};

const BUTTONS_ONLY: Capabilities = Capabilities { list: None, link_buttons: false, ..RICH };
const LISTS_ONLY: Capabilities = Capabilities { buttons: None, ..RICH };
const PICTURES_ONLY: Capabilities = Capabilities {
    media: &[MediaRule { kind: MediaKind::Image, types: &["image/*"], most_bytes: 1_000, caption_limit: 20 }],
    ..PLAIN
};

fn channel(name: &str) -> Capabilities {
    match name {
        "rich" => RICH,
        "plain" => PLAIN,
        "buttons" => BUTTONS_ONLY,
        "lists" => LISTS_ONLY,
        "pictures" => PICTURES_ONLY,
        "ours" => (Kind::Widget.protocol().read)(json!({})).unwrap().capabilities(),
        other => panic!("no channel {other}"),
    }
}

#[test]
fn cases() {
    for case in json("../fitting.json").as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let content: Content =
            serde_json::from_value(case["content"].clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
        let fitted = fit(&content, &channel(case["channel"].as_str().unwrap()));
        match (fitted, case["refused"].as_str()) {
            (Err(failure), Some(words)) => {
                assert_eq!(failure.code, "INVALID_CONTENT", "{name}");
                assert!(failure.message.contains(words), "{name}: {failure}");
            }
            (Ok(parts), None) if case["parts"] == "unchanged" => assert_eq!(parts, [content], "{name}"),
            (Ok(parts), None) => {
                let wanted: Vec<Content> = serde_json::from_value(case["parts"].clone()).unwrap();
                assert_eq!(json!(parts), json!(wanted), "{name}");
            }
            (outcome, _) => panic!("{name}: {outcome:?}"),
        }
    }
}

#[test]
fn typed_answers() {
    let pairs = |titles: &[&str]| -> Vec<(String, String)> {
        titles.iter().enumerate().map(|(at, title)| (format!("id{at}"), (*title).to_owned())).collect()
    };
    let offered = pairs(&["Yes", "No, later", "Ärger", "100 % sure"]);
    let cases = [
        ("1", Some(0)),
        ("2.", Some(1)),
        (" #2 ", Some(1)),
        ("(3)", Some(2)),
        ("4)", Some(3)),
        ("2\u{fe0f}\u{20e3}", Some(1)),
        ("02", Some(1)),
        ("yes", Some(0)),
        (" YES \n", Some(0)),
        ("ÄRGER", Some(2)),
        ("2. no, later", Some(1)),
        ("100 % sure", Some(3)),
        ("0", None),
        ("5", None),
        ("2 3", None),
        ("1.5", None),
        ("yes please", None),
        ("", None),
        ("  ", None),
        ("#", None),
        ("-1", None),
        ("99999999999999999999", None),
        ("٢", None),
    ];
    for (typed, at) in cases {
        let wanted = at.map(|at: usize| Content::Choice {
            id: offered[at].0.clone(),
            title: offered[at].1.clone(),
            description: None,
        });
        assert_eq!(chosen(&offered, typed), wanted, "{typed:?}");
    }
    // A number that is another option's label means two things; a label that stands twice means two as well.
    assert_eq!(chosen(&pairs(&["2", "3", "4"]), "2"), None);
    assert_eq!(chosen(&pairs(&["2", "3", "4"]), "4").map(|choice| choice.plain()), Some("4".to_owned()));
    assert_eq!(chosen(&pairs(&["same", "same"]), "same"), None);
    assert_eq!(chosen(&pairs(&["same", "same"]), "2").map(|choice| choice.plain()), Some("same".to_owned()));
    assert_eq!(chosen(&[], "1"), None);
}

/// What a message shows, in reading order.
fn shown(content: &Content) -> String {
    match content {
        Content::Buttons { text, buttons, header, footer } => {
            let titles: Vec<&str> = buttons.iter().map(|button| button.title.as_str()).collect();
            [&line(header.as_ref()), text, &titles.join("\n"), footer.as_deref().unwrap_or_default()].join("\n")
        }
        Content::List { text, sections, header, footer, .. } => {
            let rows = sections.iter().flat_map(|section| {
                let rows = section
                    .rows
                    .iter()
                    .map(|row| format!("{} {}", row.title, row.description.as_deref().unwrap_or_default()));
                section.title.clone().into_iter().chain(rows).collect::<Vec<String>>()
            });
            let rows: Vec<String> = rows.collect();
            [&line(header.as_ref()), text, &rows.join("\n"), footer.as_deref().unwrap_or_default()].join("\n")
        }
        Content::Link { text, label, url, header, footer } => {
            [&line(header.as_ref()), text, label, url, footer.as_deref().unwrap_or_default()].join("\n")
        }
        other => other.media().map_or_else(
            || other.plain(),
            |media| [&media.url, &media.caption].into_iter().flatten().cloned().collect::<Vec<String>>().join("\n"),
        ),
    }
}

fn line(header: Option<&Header>) -> String {
    match header {
        Some(Header::Text { text }) => text.clone(),
        Some(Header::Image(media) | Header::Video(media) | Header::Document(media)) => {
            media.url.clone().unwrap_or_default()
        }
        None => String::new(),
    }
}

fn within(content: &Content, capabilities: &Capabilities) -> bool {
    let short = |text: &str, limit: usize| text.chars().count() <= limit;
    match content {
        Content::Text { text, .. } => capabilities.text.fits(text) && !text.trim().is_empty(),
        Content::Buttons { text, buttons, .. } => capabilities.buttons.is_some_and(|rule| {
            buttons.len() <= rule.most
                && short(text, rule.text_limit)
                && buttons.iter().all(|button| short(&button.title, rule.title_limit))
        }),
        Content::List { text, sections, .. } => capabilities.list.is_some_and(|rule| {
            let rows: Vec<&Row> = sections.iter().flat_map(|section| &section.rows).collect();
            rows.len() <= rule.most
                && short(text, rule.text_limit)
                && rows.iter().all(|row| short(&row.title, rule.title_limit))
        }),
        Content::Link { .. } => capabilities.link_buttons,
        other => {
            let Some(media) = other.media() else { return false };
            let kind: Value = json!(other.kind());
            capabilities.media.iter().any(|rule| {
                json!(rule.kind) == kind
                    && media.caption.as_deref().is_none_or(|caption| short(caption, rule.caption_limit))
                    && media.size.is_none_or(|size| size <= rule.most_bytes)
            })
        }
    }
}

/// Characters that are no blanks, in order.
fn solid(text: &str) -> String {
    text.chars().filter(|character| !character.is_whitespace()).collect()
}

/// Whether these words appear one after the other.
fn in_order(text: &str, words: &[String]) -> bool {
    let mut rest = text;
    words.iter().all(|word| match rest.split_once(word.as_str()) {
        Some((_, after)) => {
            rest = after;
            true
        }
        None => false,
    })
}

fn header() -> impl Strategy<Value = Option<Header>> {
    let media =
        Media { url: Some("https://a/b.png".to_owned()), mime_type: Some("image/png".to_owned()), ..Media::default() };
    prop_oneof![
        Just(None),
        "[a-zé]{1,30}( [a-z]{1,9}){0,3}".prop_map(|text| Some(Header::Text { text })),
        Just(Some(Header::Image(media.clone()))),
        Just(Some(Header::Document(media))),
    ]
}

fn content() -> impl Strategy<Value = Content> {
    let words = || "([a-zé😀👩‍👩‍👧]{1,9}[ .\n]){1,40}";
    let title = || "[a-zA-Zé😀]{1,18}";
    let buttons = prop::collection::vec(title(), 1..6).prop_map(|titles| {
        let button = |(at, title): (usize, String)| Button { id: format!("b{at}"), title };
        titles.into_iter().enumerate().map(button).collect::<Vec<Button>>()
    });
    let row = (title(), prop::option::of("[a-z]{1,20}"));
    let section = (prop::option::of(title()), prop::collection::vec(row, 1..4)).prop_map(|(title, rows)| Section {
        title,
        rows: rows.into_iter().map(|(title, description)| Row { id: title.clone(), title, description }).collect(),
    });
    let footer = || prop::option::of("[a-z]{1,30}");
    prop_oneof![
        words().prop_map(Content::text),
        (words(), buttons, header(), footer()).prop_map(|(text, buttons, header, footer)| Content::Buttons {
            text,
            buttons,
            header,
            footer
        }),
        (words(), prop::collection::vec(section, 1..4), header(), footer()).prop_map(
            |(text, sections, header, footer)| Content::List {
                text,
                button: "Open".to_owned(),
                sections,
                header,
                footer
            }
        ),
        (words(), title(), header(), footer()).prop_map(|(text, label, header, footer)| Content::Link {
            text,
            label,
            url: "https://example.com/x".to_owned(),
            header,
            footer
        }),
        (prop::option::of(words()), 0_u64..9_000, 0_usize..4).prop_map(|(caption, size, kind)| {
            let media = Media { caption, size: Some(size), url: Some("https://a/b".to_owned()), ..Media::default() };
            match kind {
                0 => Content::Image(media),
                1 => Content::Audio(media),
                2 => Content::Sticker(media),
                _ => Content::Document(media),
            }
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost(content in content(), name in prop::sample::select(vec!["rich", "plain", "buttons", "lists", "pictures", "ours"])) {
        let capabilities = channel(name);
        let parts = fit(&content, &capabilities).unwrap();
        prop_assert!(!parts.is_empty());
        for part in &parts {
            prop_assert!(within(part, &capabilities), "{:?} on {}", part, name);
        }
        let all = solid(&parts.iter().map(shown).collect::<Vec<String>>().join("\n"));
        let (text, rest) = match &content {
            Content::Text { text, .. } => (text.clone(), Vec::new()),
            Content::Link { text, label, url, .. } => (text.clone(), vec![label.clone(), url.clone()]),
            Content::Buttons { text, .. } | Content::List { text, .. } => {
                (text.clone(), options(&content).into_iter().map(|(_, title)| title).collect())
            }
            other => (other.media().and_then(|media| media.caption.clone()).unwrap_or_default(), Vec::new()),
        };
        let wanted: Vec<String> = [text].into_iter().chain(rest).map(|words| solid(&words)).collect();
        prop_assert!(in_order(&all, &wanted), "{:?} lacks something of {:?}", all, wanted);
        // What fits is left alone.
        for part in &parts {
            prop_assert_eq!(fit(part, &capabilities).unwrap(), std::slice::from_ref(part));
        }
        // Interactive parts stand at the end.
        let interactive = |part: &Content| matches!(part, Content::Buttons { .. } | Content::List { .. });
        prop_assert!(parts.iter().rev().skip(1).all(|part| !interactive(part)));
    }

    /// Whatever number stands before a label, typing it picks that label.
    #[test]
    fn numbers_pick(content in content(), at in any::<prop::sample::Index>()) {
        let offered = options(&content);
        if offered.is_empty() {
            return Ok(());
        }
        let at = at.index(offered.len());
        for typed in [format!("{}", at + 1), format!(" #{}", at + 1), format!("({})", at + 1), format!("{}.", at + 1)] {
            let Some(Content::Choice { id, .. }) = chosen(&offered, &typed) else { panic!("{typed} of {offered:?}") };
            prop_assert_eq!(&id, &offered[at].0);
        }
    }
}
