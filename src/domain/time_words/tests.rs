//! Words and what they mean, as a table.

use super::{Said, Standpoint, When};

/// Wednesday, 25 March 2026, 10:30 in Berlin: four days before the clocks change.
const NOW: i64 = 1_774_431_000_000;

fn read(zone: &str, text: &str) -> String {
    let here = Standpoint::new(zone, NOW);
    match here.read(&Said::Words(text.to_owned())) {
        Some(When::Day(day)) => day.to_string(),
        Some(When::Moment(at)) => {
            let moment = jiff::Timestamp::from_millisecond(at).unwrap();
            moment.to_zoned(here.zone).strftime("%Y-%m-%d %H:%M %:z").to_string()
        }
        None => "?".to_owned(),
    }
}

#[test]
fn words_are_understood_in_their_zone() {
    let cases = [
        ("2026-03-26", "2026-03-26"),
        ("2026-03-26T14:30:00Z", "2026-03-26 15:30 +01:00"),
        ("2026-03-26T14:30:00+05:30", "2026-03-26 10:00 +01:00"),
        ("2026-03-26T14:30", "2026-03-26 14:30 +01:00"),
        ("2026-03-26 14:30:15", "2026-03-26 14:30 +01:00"),
        ("today", "2026-03-25"),
        ("tomorrow", "2026-03-26"),
        ("Tomorrow at nine", "2026-03-26 09:00 +01:00"),
        ("tomorrow at 9 am", "2026-03-26 09:00 +01:00"),
        ("tomorrow, 9:05pm", "2026-03-26 21:05 +01:00"),
        ("tomorrow morning", "2026-03-26 09:00 +01:00"),
        ("tomorrow at 8 in the evening", "2026-03-26 20:00 +01:00"),
        ("the day after tomorrow at noon", "2026-03-27 12:00 +01:00"),
        ("tonight", "2026-03-25 20:00 +01:00"),
        ("tonight at nine", "2026-03-25 21:00 +01:00"),
        ("this evening", "2026-03-25 18:00 +01:00"),
        ("midnight", "2026-03-26 00:00 +01:00"),
        ("tomorrow midnight", "2026-03-27 00:00 +01:00"),
        ("at 11", "2026-03-25 11:00 +01:00"),
        ("at 9", "2026-03-26 09:00 +01:00"),
        ("12 am", "2026-03-26 00:00 +01:00"),
        ("12 pm", "2026-03-25 12:00 +01:00"),
        ("half past nine", "2026-03-26 09:30 +01:00"),
        ("tomorrow at quarter to 3 pm", "2026-03-26 14:45 +01:00"),
        ("in 2 hours", "2026-03-25 12:30 +01:00"),
        ("2 hours from now", "2026-03-25 12:30 +01:00"),
        ("in half an hour", "2026-03-25 11:00 +01:00"),
        ("in an hour and 15 minutes", "2026-03-25 11:45 +01:00"),
        ("in three days", "2026-03-28"),
        ("in three days at 14:00", "2026-03-28 14:00 +01:00"),
        ("in 2 weeks at noon", "2026-04-08 12:00 +02:00"),
        ("next monday 14:30", "2026-03-30 14:30 +02:00"),
        ("monday", "2026-03-30"),
        ("wednesday at 3pm", "2026-03-25 15:00 +01:00"),
        ("wednesday at 9:00", "2026-04-01 09:00 +02:00"),
        ("next wednesday at 3pm", "2026-04-01 15:00 +02:00"),
        ("next week", "2026-03-30"),
        ("next month", "2026-04-01"),
        ("on 5 May at 3pm", "2026-05-05 15:00 +02:00"),
        ("May 5th, 2027 at 15:00", "2027-05-05 15:00 +02:00"),
        ("the 3rd of march", "2027-03-03"),
        ("29 february", "2028-02-29"),
        ("26.3.2026 um 14.30 Uhr", "2026-03-26 14:30 +01:00"),
        ("am 5. Mai um 9 Uhr", "2026-05-05 09:00 +02:00"),
        ("morgen um neun", "2026-03-26 09:00 +01:00"),
        ("morgen früh", "2026-03-26 09:00 +01:00"),
        ("heute Abend um acht", "2026-03-25 20:00 +01:00"),
        ("übermorgen um halb zehn", "2026-03-27 09:30 +01:00"),
        ("in einer halben Stunde", "2026-03-25 11:00 +01:00"),
        ("in drei Tagen um 14 Uhr", "2026-03-28 14:00 +01:00"),
        ("nächsten Montag um viertel nach 8", "2026-03-30 08:15 +02:00"),
    ];
    for (text, expected) in cases {
        assert_eq!(read("Europe/Berlin", text), expected, "{text}");
    }
}

#[test]
fn what_is_not_understood_is_not_guessed() {
    let long = "tomorrow ".repeat(20);
    let cases = [
        "",
        " ",
        "soon",
        "tomorrow at nine maybe",
        "yesterday",
        "at 25",
        "tomorrow today",
        "monday friday",
        "at nine at ten",
        "in 2",
        "13 pm",
        "31 april",
        "2026-13-01",
        "2026-03-26T25:00",
        "in 2 hours at nine",
        "next",
        "tomorrow in 2 hours",
        "5/6",
        "14:3",
        "in 99999999999999999999 days",
        "half",
        long.as_str(),
        "am",
        "\u{0}",
        "9:00:00:00",
    ];
    for text in cases {
        assert_eq!(read("Europe/Berlin", text), "?", "{text}");
    }
}

#[test]
fn a_change_of_the_clocks_neither_loses_nor_doubles_a_time() {
    // On 29 March 2026 there is no half past two in Berlin; a day is 23 hours, an hour stays an hour.
    assert_eq!(read("Europe/Berlin", "on 29 march at 2:30"), "2026-03-29 03:30 +02:00");
    assert_eq!(read("Europe/Berlin", "on 25 october at 2:30"), "2026-10-25 02:30 +02:00");
    let eve = Standpoint::new("Europe/Berlin", 1_774_731_600_000); // 28 March, 22:00
    let moment = |text: &str| eve.read_moment(&Said::Words(text.to_owned())).unwrap();
    assert_eq!(moment("in 24 hours") - eve.now, 24 * 3_600_000);
    assert_eq!(moment("tomorrow at 22:00") - eve.now, 23 * 3_600_000);
    let (start, end) = Standpoint::new("Europe/Berlin", eve.now + 12 * 3_600_000).today();
    assert_eq!(end - start, 23 * 3_600_000);
}

#[test]
fn the_zone_decides_which_day_it_is() {
    assert_eq!(read("Pacific/Auckland", "today"), "2026-03-25");
    assert_eq!(read("America/Los_Angeles", "tomorrow at nine"), "2026-03-26 09:00 -07:00");
    let here = Standpoint::new("America/Los_Angeles", NOW);
    assert_eq!(here.read_moment(&Said::Words("2026-03-26".to_owned())), Some(1_774_540_800_000));
    assert_eq!(here.read(&Said::At(5)), Some(When::Moment(5)));
    assert_eq!(here.read(&Said::At(i64::MAX)), None);
    assert_eq!(Standpoint::new("Nowhere/Never", NOW).zone, jiff::tz::TimeZone::UTC);
}
