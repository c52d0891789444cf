//! The lines by which mail programs announce what they quote, in the languages that they speak. It looks at lines only,
//! never at what to do with them.

use std::sync::LazyLock;

use regex::Regex;

use super::names::pattern;

/// Over how many lines an announcement is wrapped at most.
const WRAPPED: usize = 4;
/// Longest announcement, in bytes.
const LONGEST: usize = 1_000;

/// Over how many of the lines at the beginning somebody is said to have written what follows: `On … wrote:`.
pub(super) fn attribution(lines: &[&str]) -> Option<usize> {
    let first = lines.first()?.trim();
    if first.is_empty() || first.starts_with('>') {
        return None;
    }
    let mut joined = String::new();
    for (index, line) in lines.iter().take(WRAPPED).enumerate() {
        let line = line.trim();
        let quoted = line.starts_with('>') && line != ">:";
        if line.is_empty() || quoted || joined.len() + line.len() > LONGEST {
            return None;
        }
        if index > 0 {
            joined.push(' ');
        }
        joined.push_str(line);
        let below = lines.iter().skip(index + 1).take(2).find(|line| !line.trim().is_empty());
        if announces(&joined, index == 0, below.is_some_and(|line| line.starts_with('>'))) {
            return Some(index + 1);
        }
    }
    None
}

/// Whether a line says that somebody wrote what follows. Without a date or an address it says so only above a quote.
fn announces(line: &str, alone: bool, above_quote: bool) -> bool {
    let dashed = line.starts_with("--") && line.ends_with("--");
    let line = line.trim_matches(['-', ' ', '*', '_']);
    let ended = dashed || line.ends_with([':', '：']) || UNENDED.is_match(line);
    if !ended || !above_quote && !MOMENT_OR_ADDRESS.is_match(line) {
        return false;
    }
    OPENED.is_match(line)
        || VERB_FIRST_DATE.is_match(line)
        || alone && (VERB_LAST.is_match(line) || ADDRESS_LAST.is_match(line) && MOMENT.is_match(line))
        || DATE_FIRST.is_match(line)
}

static MOMENT_OR_ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"\d{1,2}[:.h]\d{2}|\b(?:19|20)\d{2}|\d{1,2}[./-]\d{1,2}|\d{1,2}\s*(?:月|日|년|월)|\S@\S")
});
static MOMENT: LazyLock<Regex> = LazyLock::new(|| pattern(r"\d{1,2}[:.h]\d{2}|\b(?:19|20)\d{2}|\d{1,2}[./-]\d{1,2}"));
/// Some programs leave the colon out.
static UNENDED: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)^on\b.*<\S+@\S+>\s*wrote$"));
/// Begins as announcements do and names the act of writing near its end.
static OPENED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?i)^(?:on\b.*\bwrote\b|am\b.*\bschrieb\b|(?:le|il y a)\b.*\ba écrit|el\b.*\bescribió|el\b.*\bva escriure|",
        r"(?:il|in data|data|alle|nel giorno)\b.*\bha scritto|op\b.*(?:\bschreef\b|\bgeschreven\b)|",
        r"(?:em|no dia|a|às)\b.*\bescreveu|(?:w dniu|dnia|dn\.|pon|wt|śr|czw|pt|sob|niedz)\b?.*(?:napisał|pisze)|",
        r"(?:den|på|tor|man|tir|ons|fre|lør|søn|mån|tis|tors|lör|sön)\b.*\bskrev\b|el\b.*\bskreiv\b|",
        r"(?:în|la|pe)\b.*\ba scris|(?:dne|dňa)\b.*napsal|dňa\b.*napísal|(?:vào|lúc)\b.*đã viết|(?:στις|την)\b.*έγραψε|",
        r"pada\b.*menulis|(?:于|在).*(?:写道|寫道)).{0,150}$"
    ))
});
/// Names the act of writing at its very end.
static VERB_LAST: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?i)(?:\bwrote|\bschrieb|a écrit|escribió|ha scritto|schreef|escreveu|napisał(?:a|\(a\))?|\bpisze|\bskrev|kirjoitti|",
        r"пишет|пише|написала?|написал\(а\)|napsala?|napsal\(a\)|napísal|yazdı|írta|a scris|έγραψε|写道|寫道|のメール|",
        r"書きました|작성|님이 작성|đã viết|menulis)\s*[:：]?$"
    ))
});
/// Begins with a day of the week or a date, and names the act of writing at its end.
static VERB_FIRST_DATE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?i)^(?:\d{1,4}[-/.年]|\d{1,2}\s|(?:mon|tue|wed|thu|fri|sat|sun|пн|вт|ср|чт|пт|сб|вс|ma|ti|ke|to|pe|la|su|po|út|st|čt|pá|so|ne)[a-zа-яěščřžýáíé]*\b).*",
        r"(?:\bwrote|schrieb|a écrit|escribió|ha scritto|schreef|escreveu|napisał(?:a|\(a\))?|skrev|kirjoitti|пишет|пише|",
        r"написала?|написал\(а\)|napsala?|napsal\(a\)|yazdı|írta|写道|寫道|のメール|書きました|작성)\s*[:：]$"
    ))
});
static ADDRESS_LAST: LazyLock<Regex> = LazyLock::new(|| pattern(r"[<(\[][^\s<>]+@[^\s<>]+[>)\]][^<>]{0,20}[:：]$"));
/// A date, then somebody with an address: `2013/10/1 Ana <ana@example.com>:`.
static DATE_FIRST: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}年).*[<(\[]\S+@\S+[>)\]].{0,20}[:：]$",
    )
});

/// Whether an earlier mail begins here: a separator line, or its headers.
pub(super) fn earlier_mail(lines: &[&str]) -> bool {
    let Some(first) = lines.first().map(|line| line.trim()) else { return false };
    if first.is_empty() || first.len() > LONGEST {
        return false;
    }
    if SEPARATOR.is_match(first) {
        return true;
    }
    let next = lines.iter().skip(1).position(|line| !line.trim().is_empty()).map_or(lines.len(), |at| at + 1);
    let below = lines.get(next..).unwrap_or_default();
    headers(lines) || is_ruler(first) && headers(below)
}

/// Whether two or more header lines stand here, one of them telling who wrote.
fn headers(lines: &[&str]) -> bool {
    // A long address may stand on a line of its own.
    let filled = lines.iter().take(8).map(|line| line.trim()).filter(|line| !line.starts_with('<'));
    let run: Vec<&str> = filled.take_while(|line| HEADER.is_match(line)).collect();
    run.len() >= 2 && run.iter().any(|line| FROM.is_match(line))
}

/// Whether a mail that the person passes on begins here.
pub(super) fn is_forward(lines: &[&str]) -> bool {
    lines.first().is_some_and(|line| line.len() <= LONGEST && FORWARD.is_match(line.trim()))
}

/// Whether a line only divides.
pub(super) fn is_ruler(line: &str) -> bool {
    let line = line.trim();
    line.len() >= 4 && line.chars().all(|character| matches!(character, '_' | '-' | '=' | '*' | '–' | '—' | ' '))
}

static SEPARATOR: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?i)^[-_*=\s]*[-_*=]{2,}\s*(?:original message|original appointment|reply message|ursprüngliche nachricht|",
        r"originalnachricht|message d'origine|message original|message d’origine|mensaje original|messaggio originale|",
        r"oorspronkelijk bericht|mensagem original|wiadomość oryginalna|oryginalna wiadomość|originalmeddelande|",
        r"ursprungligt meddelande|oprindelig (?:meddelelse|besked)|original meddelelse|opprinnelig melding|alkuperäinen viesti|",
        r"исходное сообщение|пересылаемое сообщение|původní zpráva|özgün ileti|eredeti üzenet|mesaj original|αρχικό μήνυμα|",
        r"原始邮件|原始郵件|元のメッセージ|원본 메시지)\s*[-_*=]{2,}[-_*=\s]*$"
    ))
});
static FORWARD: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?i)^(?:-{2,}\s*(?:forwarded (?:message|by .{1,80})|weitergeleitete nachricht|message transféré|mensaje reenviado|",
        r"messaggio inoltrato|doorgestuurd bericht|mensagem encaminhada|vidarebefordrat meddelande|videresendt (?:besked|melding)|",
        r"edelleenlähetetty viesti|wiadomość przekazana|пересылаемое сообщение|přeposlaná zpráva|转发邮件|轉寄郵件|転送メッセージ)\s*-{2,}|",
        r"begin forwarded message\s*:|anfang der weitergeleiteten nachricht\s*:|début du message (?:réexpédié|transféré)\s*:)$"
    ))
});
/// A header as mail programs print it, in bold stars or not.
static HEADER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?i)^[*_]*(?:from|von|de|da|van|от|från|fra|od|lähettäjä|expéditeur|remitente|mittente|nadawca|gönderen|kimden|差出人|发件人|寄件者|보낸 사람|",
        r"sent|date|datum|data|gesendet|envoyé(?: le)?|message du|enviado(?: el| em)?|fecha|inviato|verzonden|skickat|sendt|dato|lähetetty|päivämäärä|",
        r"wysłano|дата|отправлено|odesláno|gönderildi|tarih|日期|发送时间|送信日時|보낸 날짜|",
        r"to|an|à|para|a|aan|till|til|vastaanottaja|do|кому|komu|kime|收件人|宛先|받는 사람|cc|kopie|copie|copia|копия|",
        r"subject|betreff|objet|asunto|oggetto|onderwerp|assunto|ämne|emne|aihe|temat|тема|předmět|konu|主题|主旨|件名|제목|reply-to|importance)",
        r"\s*[*_]*\s?[:：][*_]*(?:\s|$|\S)"
    ))
});
static FROM: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?i)^[*_]*(?:from|von|de|da|van|от|från|fra|od|lähettäjä|expéditeur|remitente|mittente|nadawca|gönderen|kimden|差出人|发件人|寄件者|보낸 사람)",
        r"\s*[*_]*\s?[:：]"
    ))
});
