//! The words of times, by language, and how a text becomes what its words mean.

use jiff::civil::Weekday;

/// A measure of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

/// What a word means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It adds nothing.
    Skip,
    /// A time follows.
    At,
    /// A measure follows.
    In,
    Next,
    Number(i64),
    Unit(Unit),
    /// So many days from today.
    Day(i64),
    Weekday(Weekday),
    Month(i8),
    /// Day, month and perhaps year, written with dots.
    Dotted(i8, i8, Option<i16>),
    /// Hour and minute.
    Clock(i8, i8),
    /// A part of the day: its hour, and whether a clock's twelve hours are then the day's second.
    Part(i8, bool),
    Tonight,
    /// The first and the second half of the day.
    Morning,
    Afternoon,
    Half,
    Quarter,
    /// Half an hour before the hour that follows.
    HalfTo,
    Past,
    To,
}

use Meaning::{Afternoon, At, Day, Half, HalfTo, In, Month, Morning, Next, Number, Part, Past, Quarter, Skip, To};

/// Phrases whose words mean something else one by one; the longer first.
const PHRASES: &[(&str, &str)] = &[
    ("the day after tomorrow", "overmorrow"),
    ("day after tomorrow", "overmorrow"),
    ("in the morning", "morningtime"),
    ("in the afternoon", "afternoon"),
    ("in the evening", "evening"),
    ("at night", "night"),
    ("from now", ""),
    ("o'clock", ""),
    ("o’clock", ""),
    ("a.m.", "a.m"),
    ("p.m.", "pm"),
    ("morgen früh", "morgen frühzeit"),
    ("am morgen", "frühzeit"),
];

const WORDS: &[(&str, Meaning)] = &[
    // English.
    ("on", Skip),
    ("the", Skip),
    ("of", Skip),
    ("and", Skip),
    ("this", Skip),
    ("coming", Skip),
    ("st", Skip),
    ("nd", Skip),
    ("rd", Skip),
    ("th", Skip),
    ("by", Skip),
    ("at", At),
    ("in", In),
    ("next", Next),
    ("today", Day(0)),
    ("tomorrow", Day(1)),
    ("overmorrow", Day(2)),
    ("tonight", Meaning::Tonight),
    ("morning", Part(9, false)),
    ("morningtime", Part(9, false)),
    ("noon", Part(12, false)),
    ("midday", Part(12, false)),
    ("afternoon", Part(15, true)),
    ("evening", Part(18, true)),
    ("night", Part(20, true)),
    ("midnight", Part(24, false)),
    ("a.m", Morning),
    ("am", Morning),
    ("pm", Afternoon),
    ("half", Half),
    ("quarter", Quarter),
    ("past", Past),
    ("after", Past),
    ("to", To),
    ("before", To),
    ("a", Number(1)),
    ("an", Number(1)),
    ("one", Number(1)),
    ("two", Number(2)),
    ("three", Number(3)),
    ("four", Number(4)),
    ("five", Number(5)),
    ("six", Number(6)),
    ("seven", Number(7)),
    ("eight", Number(8)),
    ("nine", Number(9)),
    ("ten", Number(10)),
    ("eleven", Number(11)),
    ("twelve", Number(12)),
    ("fifteen", Number(15)),
    ("twenty", Number(20)),
    ("thirty", Number(30)),
    ("minute", Meaning::Unit(Unit::Minute)),
    ("minutes", Meaning::Unit(Unit::Minute)),
    ("min", Meaning::Unit(Unit::Minute)),
    ("mins", Meaning::Unit(Unit::Minute)),
    ("hour", Meaning::Unit(Unit::Hour)),
    ("hours", Meaning::Unit(Unit::Hour)),
    ("hr", Meaning::Unit(Unit::Hour)),
    ("hrs", Meaning::Unit(Unit::Hour)),
    ("h", Meaning::Unit(Unit::Hour)),
    ("day", Meaning::Unit(Unit::Day)),
    ("days", Meaning::Unit(Unit::Day)),
    ("week", Meaning::Unit(Unit::Week)),
    ("weeks", Meaning::Unit(Unit::Week)),
    ("month", Meaning::Unit(Unit::Month)),
    ("months", Meaning::Unit(Unit::Month)),
    ("year", Meaning::Unit(Unit::Year)),
    ("years", Meaning::Unit(Unit::Year)),
    ("monday", Meaning::Weekday(Weekday::Monday)),
    ("mon", Meaning::Weekday(Weekday::Monday)),
    ("tuesday", Meaning::Weekday(Weekday::Tuesday)),
    ("tue", Meaning::Weekday(Weekday::Tuesday)),
    ("wednesday", Meaning::Weekday(Weekday::Wednesday)),
    ("wed", Meaning::Weekday(Weekday::Wednesday)),
    ("thursday", Meaning::Weekday(Weekday::Thursday)),
    ("thu", Meaning::Weekday(Weekday::Thursday)),
    ("friday", Meaning::Weekday(Weekday::Friday)),
    ("fri", Meaning::Weekday(Weekday::Friday)),
    ("saturday", Meaning::Weekday(Weekday::Saturday)),
    ("sat", Meaning::Weekday(Weekday::Saturday)),
    ("sunday", Meaning::Weekday(Weekday::Sunday)),
    ("sun", Meaning::Weekday(Weekday::Sunday)),
    ("january", Month(1)),
    ("jan", Month(1)),
    ("february", Month(2)),
    ("feb", Month(2)),
    ("march", Month(3)),
    ("mar", Month(3)),
    ("april", Month(4)),
    ("apr", Month(4)),
    ("may", Month(5)),
    ("june", Month(6)),
    ("jun", Month(6)),
    ("july", Month(7)),
    ("jul", Month(7)),
    ("august", Month(8)),
    ("aug", Month(8)),
    ("september", Month(9)),
    ("sep", Month(9)),
    ("sept", Month(9)),
    ("october", Month(10)),
    ("oct", Month(10)),
    ("november", Month(11)),
    ("nov", Month(11)),
    ("december", Month(12)),
    ("dec", Month(12)),
    // German.
    ("um", At),
    ("uhr", Skip),
    ("und", Skip),
    ("den", Skip),
    ("diesen", Skip),
    ("kommenden", Next),
    ("nächsten", Next),
    ("nächste", Next),
    ("nächster", Next),
    ("heute", Day(0)),
    ("morgen", Day(1)),
    ("übermorgen", Day(2)),
    ("frühzeit", Part(9, false)),
    ("früh", Part(9, false)),
    ("vormittag", Part(10, false)),
    ("mittag", Part(12, false)),
    ("nachmittag", Part(15, true)),
    ("abend", Part(18, true)),
    ("nacht", Part(20, true)),
    ("mitternacht", Part(24, false)),
    ("halb", HalfTo),
    ("halben", Half),
    ("viertel", Quarter),
    ("nach", Past),
    ("vor", To),
    ("ein", Number(1)),
    ("eine", Number(1)),
    ("einem", Number(1)),
    ("einer", Number(1)),
    ("eins", Number(1)),
    ("zwei", Number(2)),
    ("drei", Number(3)),
    ("vier", Number(4)),
    ("fünf", Number(5)),
    ("sechs", Number(6)),
    ("sieben", Number(7)),
    ("acht", Number(8)),
    ("neun", Number(9)),
    ("zehn", Number(10)),
    ("elf", Number(11)),
    ("zwölf", Number(12)),
    ("minuten", Meaning::Unit(Unit::Minute)),
    ("stunde", Meaning::Unit(Unit::Hour)),
    ("stunden", Meaning::Unit(Unit::Hour)),
    ("tag", Meaning::Unit(Unit::Day)),
    ("tage", Meaning::Unit(Unit::Day)),
    ("tagen", Meaning::Unit(Unit::Day)),
    ("woche", Meaning::Unit(Unit::Week)),
    ("wochen", Meaning::Unit(Unit::Week)),
    ("monat", Meaning::Unit(Unit::Month)),
    ("monate", Meaning::Unit(Unit::Month)),
    ("monaten", Meaning::Unit(Unit::Month)),
    ("jahr", Meaning::Unit(Unit::Year)),
    ("jahre", Meaning::Unit(Unit::Year)),
    ("jahren", Meaning::Unit(Unit::Year)),
    ("montag", Meaning::Weekday(Weekday::Monday)),
    ("dienstag", Meaning::Weekday(Weekday::Tuesday)),
    ("mittwoch", Meaning::Weekday(Weekday::Wednesday)),
    ("donnerstag", Meaning::Weekday(Weekday::Thursday)),
    ("freitag", Meaning::Weekday(Weekday::Friday)),
    ("samstag", Meaning::Weekday(Weekday::Saturday)),
    ("sonntag", Meaning::Weekday(Weekday::Sunday)),
    ("januar", Month(1)),
    ("februar", Month(2)),
    ("märz", Month(3)),
    ("mai", Month(5)),
    ("juni", Month(6)),
    ("juli", Month(7)),
    ("oktober", Month(10)),
    ("dezember", Month(12)),
];

/// What the words of a text mean, in their order; `None`: one of them means nothing here.
pub(super) fn tokens(text: &str) -> Option<Vec<Meaning>> {
    let mut text = text.to_lowercase();
    for (phrase, word) in PHRASES {
        text = text.replace(phrase, word);
    }
    let mut meanings = Vec::new();
    for word in text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty()) {
        read(word, &mut meanings)?;
    }
    Some(meanings)
}

fn read(word: &str, meanings: &mut Vec<Meaning>) -> Option<()> {
    let end = word.find(|c: char| !c.is_ascii_digit() && !matches!(c, ':' | '.')).unwrap_or(word.len());
    let (digits, letters) = word.split_at_checked(end)?;
    if !digits.is_empty() {
        meanings.push(figures(digits)?);
    }
    if letters.is_empty() {
        return Some(());
    }
    let known = WORDS.iter().find(|(known, _)| *known == letters.trim_end_matches('.'));
    let meaning = known.map(|(_, meaning)| *meaning)?;
    // The same two letters are the half of a day behind a time, and a German preposition elsewhere.
    let behind_time = matches!(meanings.last(), Some(Number(_) | Meaning::Clock(..)));
    meanings.push(if letters == "am" && !behind_time { Skip } else { meaning });
    Some(())
}

/// `9`, `5.`, `14:30`, `14.30`, `26.3.`, `26.3.2026`.
fn figures(digits: &str) -> Option<Meaning> {
    if let Some((hour, minute)) = digits.split_once(':') {
        return (minute.len() == 2).then_some(Meaning::Clock(hour.parse().ok()?, minute.parse().ok()?));
    }
    let parts: Vec<&str> = digits.split('.').collect();
    match parts.as_slice() {
        [number] | [number, ""] => number.parse().ok().map(Number),
        [hour, minute] if minute.len() == 2 => Some(Meaning::Clock(hour.parse().ok()?, minute.parse().ok()?)),
        [day, month, ""] => Some(Meaning::Dotted(day.parse().ok()?, month.parse().ok()?, None)),
        [day, month, year] if year.len() == 4 => {
            Some(Meaning::Dotted(day.parse().ok()?, month.parse().ok()?, Some(year.parse().ok()?)))
        }
        _ => None,
    }
}
