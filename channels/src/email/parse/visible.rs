//! What a person wrote just now: quotes, earlier mails and signatures folded away. All matching is linear in the text,
//! and nothing ever becomes empty that was not.

use std::sync::LazyLock;

use regex::Regex;

use super::names::pattern;
use super::quoting::{attribution, earlier_mail, is_forward, is_ruler};

/// How much of a text is looked through, in bytes.
const MOST: usize = 100 * 1024;
/// How many lines of it.
const MOST_LINES: usize = 2_000;
/// How far from the end a signature begins, in lines.
const SIGNATURE: usize = 20;
/// The beginning of every marker line, ours and those of other desks.
const MARKERS: [&str; 2] = ["##- ", "-+-+-"];

/// The text without quotes and signature; all of it when nothing would be left. `marker` is the line above which our
/// own mail asks people to answer.
pub(super) fn fold(text: &str, marker: Option<&str>) -> String {
    let text = text.replace('\u{a0}', " ");
    let within = text.get(..text.floor_char_boundary(MOST)).unwrap_or(&text);
    let lines: Vec<&str> = within.split('\n').take(MOST_LINES).map(tidy).collect();
    let (mut kept, cut) = kept(&lines, marker);
    let passed: usize = within.split('\n').take(lines.len()).map(|line| line.len() + 1).sum();
    // What lies beyond the part that was looked through stays as it is.
    let beyond = if cut { "" } else { text.get(passed.min(within.len())..).unwrap_or_default() };
    if beyond.is_empty() {
        kept = without_signature(kept);
    }
    let folded = format!("{}{beyond}", kept.join("\n"));
    let folded = if folded.trim().is_empty() { text.as_str() } else { folded.as_str() };
    folded.trim().to_owned()
}

/// A line without blanks at its end, but for the mark of a signature.
fn tidy(line: &str) -> &str {
    if line == "-- " { line } else { line.trim_end() }
}

/// The lines up to where an earlier mail begins, without a quote at their end; and whether something was cut off.
fn kept<'a>(lines: &[&'a str], marker: Option<&str>) -> (Vec<&'a str>, bool) {
    let mut at = 0;
    let mut answered = None;
    let mut ends = None;
    let mut forwarded = false;
    while at < lines.len() && ends.is_none() && !forwarded {
        let rest = lines.get(at..).unwrap_or_default();
        let quoted = attribution(rest);
        let below = quoted.is_some_and(|length| is_answered_below(rest.get(length..).unwrap_or_default()));
        forwarded = is_forward(rest);
        if !forwarded && (is_marker(rest, marker) || earlier_mail(rest) || quoted.is_some() && !below) {
            ends = Some(at);
        }
        if let Some(length) = quoted {
            answered = answered.or(Some((at, length)));
        }
        at += quoted.unwrap_or(1);
    }
    let mut kept: Vec<&str> = lines.get(..ends.unwrap_or(lines.len())).unwrap_or_default().to_vec();
    if forwarded {
        return (kept, false);
    }
    trim_quote(&mut kept);
    let marked = ends.is_some_and(|at| is_marker(lines.get(at..).unwrap_or_default(), marker));
    // Whatever language it is in, a line with a colon above our marker says who wrote what follows.
    if marked && kept.len() > 1 && kept.last().is_some_and(|line| line.ends_with(':')) {
        kept.pop();
    }
    if let Some((at, length)) = answered {
        without_quote_above(&mut kept, at, length);
    }
    (kept, ends.is_some())
}

/// Takes away the one quote that stands above an answer, and who is said to have written it. Where there are more of
/// them, each belongs to the lines below it.
fn without_quote_above(kept: &mut Vec<&str>, at: usize, length: usize) {
    let below = kept.get(at + length..).unwrap_or_default();
    let first = below.iter().position(|line| is_quoted(line));
    let last = below.iter().rposition(|line| is_quoted(line));
    let (Some(first), Some(last)) = (first, last) else { return };
    let one = below.get(first..=last).is_some_and(|block| block.iter().all(|line| is_quoted(line) || line.is_empty()));
    let answer = below.get(last + 1..).is_some_and(written);
    if one && answer {
        kept.drain(at..=at + length + last);
    }
}

fn is_marker(rest: &[&str], marker: Option<&str>) -> bool {
    let Some(line) = rest.first() else { return false };
    let line = line.trim_start_matches(['>', ' ', '*', '\t']);
    let ours = marker.is_some_and(|marker| line.starts_with(marker.trim()));
    ours || MARKERS.iter().any(|known| line.starts_with(known) && line.len() > 12)
}

/// Whether a quote follows and, below or between its parts, an answer.
fn is_answered_below(rest: &[&str]) -> bool {
    let mut lines = rest.iter().skip_while(|line| line.trim().is_empty()).peekable();
    if !lines.peek().is_some_and(|line| is_quoted(line)) {
        return false;
    }
    let unquoted = lines.filter(|line| !is_quoted(line) && !line.trim().is_empty());
    let ends = |line: &str| {
        is_signature_mark(line)
            || line.bytes().all(|byte| byte == b'_')
            || is_ruler(line)
            || SENT_FROM.is_match(line.trim())
    };
    unquoted.take(1).any(|line| !ends(line) && attribution(&[line]).is_none())
}

fn is_quoted(line: &str) -> bool {
    line.trim_start().starts_with('>')
}

/// Takes away quoted, blank and ruled lines at the end, if anything stands before them.
fn trim_quote(kept: &mut Vec<&str>) {
    let end = kept.iter().rposition(|line| !is_quoted(line) && !line.trim().is_empty() && !is_ruler(line));
    if let Some(end) = end {
        kept.truncate(end + 1);
    }
}

static SENT_FROM: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?i)^[*_]*(sent from (my|a|the|mail for|outlook|yahoo|proton|samsung|gmail)\b|sent (via|with|using) |get outlook for |",
        r"sent from \S{1,30}<http|envoyé à partir d|envoyé (de|depuis) (mon|ma|l'|outlook)|envoyé avec |von (meinem|meiner) .{1,60} gesendet|gesendet (von|mit|über) |",
        r"diese nachricht wurde von mein|enviado (desde|do|de|a partir d[eo]) (mi|meu|minha|outlook)|enviado con |",
        r"inviato (dal|da) (mio|mia|outlook|iphone|ipad)|verzonden (vanaf|met) (mijn|outlook)|verstuurd vanaf mijn|",
        r"skickat från (min|outlook)|sendt fra (min|outlook)|lähetetty .{1,40}(puhelimesta|iphone)|wysłane z |",
        r"отправлено (с|из) |odesláno z|iphone'?umdan gönderildi|从我的 ?.{1,20}发送|发自我的|我的 ?iphone ?傳送|iphoneから送信|",
        r"나의 iphone에서 보냄)"
    ))
});

fn is_signature_mark(line: &str) -> bool {
    matches!(line, "-- " | "--" | "—" | "– ")
}

/// The lines without the signature at their end.
fn without_signature(mut kept: Vec<&str>) -> Vec<&str> {
    let first = kept.len().saturating_sub(SIGNATURE);
    let mark = kept.iter().enumerate().skip(first).find(|(_, line)| is_signature_mark(line)).map(|(at, _)| at);
    if let Some(at) = mark.filter(|at| written(kept.get(..*at).unwrap_or_default())) {
        kept.truncate(at);
    }
    without_list_footer(&mut kept);
    trim_quote(&mut kept);
    if let [.., above, last] = kept.as_slice()
        && above.trim().is_empty()
        && DASHED_NAME.is_match(last)
    {
        kept.pop();
        trim_quote(&mut kept);
    }
    for _ in 0..3 {
        let Some(last) = kept.iter().rposition(|line| !line.trim().is_empty()) else { break };
        let line = kept.get(last).copied().unwrap_or_default().trim();
        let alone = line.len() <= 100 && !line.contains(", ") && SENT_FROM.is_match(line);
        if !alone || !written(kept.get(..last).unwrap_or_default()) {
            break;
        }
        kept.truncate(last);
        trim_quote(&mut kept);
    }
    kept
}

/// A name behind a dash, as the last line of all: `-Ana López`.
static DASHED_NAME: LazyLock<Regex> = LazyLock::new(|| pattern(r"^-\p{Lu}\p{L}+(?: \p{Lu}\p{L}*\.?){0,2}$"));

/// Takes away what a mailing list puts under every mail: a line of underscores and a few lines with its address.
fn without_list_footer(kept: &mut Vec<&str>) {
    let first = kept.len().saturating_sub(8);
    let line = |line: &str| line.len() >= 2 && line.bytes().all(|byte| byte == b'_');
    let at = kept.iter().enumerate().skip(first).find(|(_, text)| line(text)).map(|(at, _)| at);
    let Some(at) = at else { return };
    let footer = kept
        .get(at..)
        .is_some_and(|footer| footer.iter().any(|line| line.contains("://") || line.contains("mailing list")));
    if footer && kept.get(..at).is_some_and(written) {
        kept.truncate(at);
    }
}

fn written(lines: &[&str]) -> bool {
    lines.iter().any(|line| !line.trim().is_empty())
}
