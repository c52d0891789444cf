//! Which elements a person would not see: text for machines only is how agents are talked into things.

use super::markup::Tag;

/// What stands behind the text: whether each open element has a ground of its own on which white can be read.
#[derive(Debug, Default)]
pub(super) struct Backdrop {
    dark: Vec<bool>,
}

impl Backdrop {
    /// Whether an element would not be seen here.
    pub(super) fn hides(&self, tag: Tag<'_>) -> bool {
        let styles = styles(tag);
        let is = |name: &str, values: &[&str]| {
            styles.iter().any(|(known, value)| known == name && values.contains(&value.as_str()))
        };
        let nothing =
            |name: &str| styles.iter().any(|(known, value)| known == name && length(value).is_some_and(|px| px <= 1.0));
        let outside = |name: &str| {
            styles.iter().any(|(known, value)| known == name && length(value).is_some_and(|px| px <= -500.0))
        };
        let clipped = is("overflow", &["hidden"])
            && ["max-height", "height", "max-width", "width", "line-height"].into_iter().any(nothing);
        tag.attribute("hidden").is_some()
            || is("display", &["none"])
            || is("visibility", &["hidden", "collapse"])
            || is("mso-hide", &["all"])
            || is("opacity", &["0", "0.0", "0%", ".0", "0.00"])
            || nothing("font-size")
            || clipped
            || ["left", "top", "right", "text-indent", "margin-left", "margin-top"].into_iter().any(outside)
            || is("color", &["transparent"])
            || self.is_white_on_white(tag, &styles)
    }

    fn is_white_on_white(&self, tag: Tag<'_>, styles: &[(String, String)]) -> bool {
        let color = styles.iter().rev().find(|(name, _)| name == "color").map(|(_, value)| value.clone());
        let color = color.or_else(|| tag.attribute("color").map(|value| value.trim().to_ascii_lowercase()));
        color.is_some_and(|color| is_white(&color))
            && !self.dark.last().copied().unwrap_or(false)
            && ground(tag, styles) != Some(true)
    }

    /// Goes into an element.
    pub(super) fn open(&mut self, tag: Tag<'_>) {
        let before = self.dark.last().copied().unwrap_or(false);
        self.dark.push(ground(tag, &styles(tag)).unwrap_or(before));
    }

    /// Leaves the innermost element.
    pub(super) fn close(&mut self) {
        self.dark.pop();
    }
}

/// Whether the element's own ground shows white text; none when it has no ground.
fn ground(tag: Tag<'_>, styles: &[(String, String)]) -> Option<bool> {
    if tag.attribute("background").is_some() {
        return Some(true);
    }
    let styled = styles.iter().rev().find(|(name, _)| name.starts_with("background")).map(|(_, value)| value.clone());
    let value = styled.or_else(|| tag.attribute("bgcolor").map(|value| value.trim().to_ascii_lowercase()))?;
    let clear = ["", "none", "transparent", "inherit", "initial"].contains(&value.as_str());
    if clear { None } else { Some(!value.split_whitespace().any(is_white)) }
}

fn is_white(color: &str) -> bool {
    let color: String = color.chars().filter(|character| !character.is_whitespace()).collect();
    matches!(
        color.as_str(),
        "white"
            | "#fff"
            | "#ffffff"
            | "ffffff"
            | "fff"
            | "#fefefe"
            | "#fdfdfd"
            | "rgb(255,255,255)"
            | "rgba(255,255,255,1)"
    )
}

/// The declarations of the `style` attribute, names and values in lower case.
fn styles(tag: Tag<'_>) -> Vec<(String, String)> {
    let Some(style) = tag.attribute("style") else { return Vec::new() };
    let declarations = style.split(';').filter_map(|declaration| declaration.split_once(':'));
    let lower = |text: &str| text.trim().to_ascii_lowercase();
    declarations.map(|(name, value)| (lower(name), lower(&value.replace("!important", "")))).collect()
}

/// A length in pixels, units taken for one another.
fn length(value: &str) -> Option<f64> {
    let digits = value.trim_end_matches(|character: char| character.is_ascii_alphabetic() || character == '%');
    let number: f64 = digits.trim().parse().ok()?;
    let scale = if value.ends_with("em") || value.ends_with('%') && number > 1.0 { 16.0 } else { 1.0 };
    Some(number * scale)
}
