//! What holds of anything at all.

use proptest::prelude::*;
use serde_json::json;
use switchboard_channels::contract::vendor::Vendor as _;
use switchboard_channels::email::tokens::{self, Purpose};
use switchboard_channels::email::{Envelope, parse};

use super::{bytes, delivery, headers, mail, message, names, ours, settings, sound};

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn garbage_never_hurts(bytes in proptest::collection::vec(any::<u8>(), 1..600)) {
        if let Ok(parsed) = parse::raw(&ours(), &bytes, Envelope::default()) {
            sound(&parsed);
        }
        for provider in ["mailgun", "sendgrid", "postmark", "ses", "generic"] {
            for kind in ["application/json", "multipart/form-data; boundary=b", "application/x-www-form-urlencoded"] {
                let given = headers(&json!({ "content-type": kind }));
                let settings = settings(json!({ "provider": provider }));
                let delivery = delivery(&given, &bytes, 0);
                prop_assert!(!settings.verifies(&delivery));
                let _ = settings.certificate_needed(&delivery);
                if let Ok(parsed) = settings.take_again(&delivery) {
                    sound(&parsed);
                }
            }
        }
    }

    #[test]
    fn mails_of_odd_lines_are_read(lines in proptest::collection::vec(
        "(From: |To: |Subject: |Content-Type: (text/plain|text/html|multipart/mixed; boundary=b|message/rfc822)|--b|--b--|> |On |wrote:|-- |[ -~]{0,40}|\\PC{0,20})(\r\n|\n|\r)?",
        0..40,
    )) {
        let raw = format!("From: ana@customer.example\n{}", lines.join("\n"));
        sound(&parse::raw(&ours(), raw.as_bytes(), Envelope::default()).unwrap());
    }

    #[test]
    fn damaged_mails_are_read(
        name in prop::sample::select(names("inbound/mails", ".eml")),
        from in 0.0_f64..1.0,
        gone in 0_usize..40,
        put in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        let whole = bytes(&format!("inbound/mails/{name}"));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a place within")]
        let at = (whole.len() as f64 * from) as usize;
        let damaged = [&whole[..at], &put, whole.get(at + gone..).unwrap_or_default()].concat();
        if let Ok(parsed) = parse::raw(&ours(), &damaged, Envelope::default()) {
            sound(&parsed);
        }
        if let Ok(parsed) = parse::raw(&ours(), &whole[..at], Envelope::default()) {
            sound(&parsed);
        }
    }

    #[test]
    fn pages_come_out_safe(pieces in proptest::collection::vec(
        "(<(script|style|img|a|svg|math|p|div|table|td|form|iframe|noscript|template|title)|</(script|style|a|svg|p|div|title|noscript)>|<!--|-->|<!\\[CDATA\\[| (onerror|onload|style|href|src|srcset|hidden|class)=|\"|'|>|/>|javascript:alert\\(1\\)|data:text/html,x|cid:a|https://x.example|display:none|\\PC{0,6})",
        0..40,
    )) {
        let raw = format!("From: a@b.example\nContent-Type: text/html; charset=utf-8\n\n{}", pieces.concat());
        sound(&parse::raw(&ours(), raw.as_bytes(), Envelope::default()).unwrap());
    }

    #[test]
    fn what_a_person_writes_is_never_folded_away(
        words in "[a-zäß]{1,12}( [a-zäß]{1,12}){0,8}",
        below in prop::sample::select(vec![
            "", "\n\n-- \nAna", "\n\nOn Thu, Jul 16, 2026 at 9:00 AM Acme <s@acme.example> wrote:\n> Hi\n> Bye",
            "\n\n-----Original Message-----\nFrom: Acme\nSent: Thursday\n\nHi",
            "\n\nFrom: Acme <s@acme.example>\nSent: Thursday\nTo: Ana\nSubject: x\n\nHi", "\n\nSent from my iPhone",
        ]),
    ) {
        let raw = format!("From: a@b.example\nContent-Type: text/plain; charset=utf-8\n\n{words}{below}");
        let parsed = parse::raw(&ours(), raw.as_bytes(), Envelope::default()).unwrap();
        prop_assert_eq!(&mail(message(&parsed)).text, &words);
    }

    #[test]
    fn tokens_come_back_or_do_not_verify(id in "[ -~]{1,20}", at in 0_usize..60, letter in "[a-z2-7]") {
        let address = tokens::address(&ours(), Purpose::Reply, &id).unwrap_or_default();
        if !address.is_empty() {
            prop_assert_eq!(tokens::named(&ours(), Purpose::Reply, &address), Some(id.clone()));
            let start = address.find('+').unwrap() + 2;
            let end = address.find('@').unwrap();
            let place = start + at % (end - start);
            if address[place..=place] != letter {
                let changed = format!("{}{letter}{}", &address[..place], &address[place + 1..]);
                prop_assert_eq!(tokens::named(&ours(), Purpose::Reply, &changed), None, "{}", changed);
            }
        }
        let message_id = tokens::message_id(&ours(), &id);
        prop_assert_eq!(tokens::own_message(&ours(), &message_id), Some(id));
    }
}
