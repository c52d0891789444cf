//! The model that needs no model: it quotes the passage that answers, names its source, and says so when it does not
//! know. It only ever says what a document says, and the same question always gets the same answer. Retrieval happens
//! elsewhere; passages come ranked.

mod sentences;
#[cfg(test)]
mod tests;
mod words;

use super::answer::Answer;
use super::failure::{ModelFailure, ModelFailureCode};
use super::prompt::{Passage, Prompt};
use sentences::{Sentence, sentences, unwrapped};

/// The name this model answers under.
pub const NAME: &str = "builtin/knowledge";

const QUOTE_LIMIT: usize = 600;
const GREETINGS: [&str; 22] = [
    "hi",
    "hello",
    "hey",
    "hiya",
    "good morning",
    "good afternoon",
    "good evening",
    "hallo",
    "moin",
    "servus",
    "guten tag",
    "guten morgen",
    "guten abend",
    "bonjour",
    "bonsoir",
    "salut",
    "hola",
    "buenos dias",
    "buenas tardes",
    "ciao",
    "buongiorno",
    "ola",
];
const THANKS: [&str; 11] = [
    "thanks",
    "thank you",
    "thx",
    "cheers",
    "danke",
    "vielen dank",
    "merci",
    "gracias",
    "grazie",
    "obrigado",
    "dank je",
];

/// What the built-in model says in its own words, and how sure it must be.
#[derive(Debug, Clone, PartialEq)]
pub struct KnowledgeOptions {
    /// Says that the answer is not known and offers a person.
    pub unknown_text: String,
    /// Answers a greeting.
    pub greeting_text: String,
    /// Answers thanks.
    pub thanks_text: String,
    /// Stands before the name of the source.
    pub source_label: String,
    /// The share of the question's words that a passage must speak of, from 0 to 1.
    pub min_coverage: f64,
    /// Passages that were ranked below this score are not read.
    pub min_score: f64,
}

impl Default for KnowledgeOptions {
    fn default() -> Self {
        Self {
            unknown_text: "I'm sorry, I don't know that. Would you like to talk to a person?".to_owned(),
            greeting_text: "Hello! How can I help you?".to_owned(),
            thanks_text: "You're welcome! Is there anything else I can help with?".to_owned(),
            source_label: "Source:".to_owned(),
            min_coverage: 0.3,
            min_score: f64::NEG_INFINITY,
        }
    }
}

/// The questions of a message that may hold several, as a burst of short messages does: they are looked up and answered
/// each by itself.
#[must_use]
pub fn questions(message: &str) -> Vec<String> {
    sentences::questions(message)
}

/// Whether a sentence ends with a text, before what stands behind it.
#[must_use]
pub fn ends_sentence(text: &str, behind: &str) -> bool {
    sentences::ends_sentence(text, behind)
}

pub(super) fn answer(
    options: &KnowledgeOptions,
    prompt: &Prompt,
    deltas: &mut dyn FnMut(&str),
) -> Result<Answer, ModelFailure> {
    let question = prompt.question();
    if question.trim().is_empty() {
        return Err(ModelFailure::new(ModelFailureCode::EmptyAnswer, "there is no question to answer"));
    }
    let parts = questions(question);
    let mut replies: Vec<Reply<'_>> = parts.iter().map(|part| reply(options, part, &prompt.passages)).collect();
    if parts.len() > 1 && !replies.iter().any(|reply| matches!(reply, Reply::Quote(..))) {
        // What is asked in several breaths may only be understood as a whole.
        replies = vec![reply(options, question, &prompt.passages)];
    }
    let (text, passages) = composed(options, &replies);
    deltas(&text);
    Ok(Answer { sources: Prompt::sources(passages), ..Answer::of_text(NAME, text) })
}

/// What is said to one question.
enum Reply<'a> {
    Greeting,
    Thanks,
    Quote(&'a Passage, String),
    /// Nothing is known; whether it was plainly a question.
    Unknown(bool),
}

fn reply<'a>(options: &KnowledgeOptions, question: &str, passages: &'a [Passage]) -> Reply<'a> {
    if is_one_of(question, &GREETINGS) {
        return Reply::Greeting;
    }
    if is_one_of(question, &THANKS) {
        return Reply::Thanks;
    }
    match best_passage(options, question, passages) {
        Some((passage, quote)) => Reply::Quote(passage, quote),
        None => Reply::Unknown(question.trim_end().ends_with(['?', '？'])),
    }
}

/// All that is said, each thing once and in the order of the questions, with the passages that are quoted. Greetings,
/// thanks and remarks are passed over where there is an answer to give.
fn composed<'a>(options: &KnowledgeOptions, replies: &[Reply<'a>]) -> (String, Vec<&'a Passage>) {
    let (mut said, mut passages): (Vec<String>, Vec<&Passage>) = (Vec::new(), Vec::new());
    let answers = replies.iter().any(|reply| matches!(reply, Reply::Quote(..)));
    for reply in replies {
        let text = match reply {
            Reply::Quote(passage, quote) => {
                passages.push(passage);
                format!("{quote}\n\n{} {}", options.source_label, name_of(passage))
            }
            Reply::Unknown(asked) if *asked || !answers => options.unknown_text.clone(),
            Reply::Greeting if !answers => options.greeting_text.clone(),
            Reply::Thanks if !answers => options.thanks_text.clone(),
            _ => continue,
        };
        if !said.contains(&text) {
            said.push(text);
        }
    }
    (said.join("\n\n"), passages)
}

/// Whether the whole message is one of these phrases, give or take a word of address ("Hi there", "Thanks a lot!").
fn is_one_of(message: &str, phrases: &[&str]) -> bool {
    let said = words::words(message).join(" ");
    phrases.iter().any(|phrase| {
        said.strip_prefix(phrase).is_some_and(|rest| {
            let whole_word = rest.is_empty() || rest.starts_with(' ');
            let addressed =
                ["there", "all", "team", "everyone", "again", "you", "so", "much", "very", "a", "lot", "zusammen"];
            whole_word && rest.split_whitespace().all(|word| addressed.contains(&word))
        })
    })
}

fn name_of(passage: &Passage) -> String {
    let Passage { title, source, .. } = passage;
    match (title.trim(), source.trim()) {
        ("", source) => source.to_owned(),
        (title, "") => title.to_owned(),
        (title, source) if title == source => title.to_owned(),
        (title, source) => format!("{title} ({source})"),
    }
}

/// The passage that speaks of most of the question, with what to quote of it. Among equals the better ranked wins.
fn best_passage<'a>(
    options: &KnowledgeOptions,
    question: &str,
    passages: &'a [Passage],
) -> Option<(&'a Passage, String)> {
    let mut asked = words::terms(question);
    asked.sort_unstable();
    asked.dedup();
    if asked.is_empty() {
        return None;
    }
    let mut best: Option<(f64, &Passage, String)> = None;
    for passage in passages.iter().filter(|passage| passage.score >= options.min_score) {
        let Some((coverage, quote)) = read(&asked, passage) else { continue };
        let better = best.as_ref().is_none_or(|(leading, ..)| coverage > *leading);
        if coverage >= options.min_coverage && better {
            best = Some((coverage, passage, quote));
        }
    }
    best.map(|(_, passage, quote)| (passage, quote))
}

/// How much of the question this passage speaks of, and its sentences that do.
fn read(asked: &[String], passage: &Passage) -> Option<(f64, String)> {
    let text = unwrapped(&passage.text);
    let sentences = sentences(&text);
    let spoken: Vec<Vec<bool>> = sentences.iter().map(|sentence| matches(asked, sentence.text)).collect();
    let title = matches(asked, &passage.title);
    let anywhere = (0..asked.len()).filter(|at| {
        let here = |found: &Vec<bool>| found.get(*at) == Some(&true);
        here(&title) || spoken.iter().any(here)
    });
    let coverage = ratio(anywhere.count(), asked.len());
    let count = |found: &[bool]| found.iter().filter(|found| **found).count();
    // The first of the best sentences; a passage found by its title alone is quoted from its beginning.
    let top = spoken.iter().map(|found| count(found)).max()?;
    let start = spoken.iter().position(|found| count(found) == top)?;
    let quote = quote(&sentences, &spoken, start);
    (coverage > 0.0 && !quote.is_empty()).then_some((coverage, quote))
}

/// Quotes the best sentence, and with a heading or a question what it announces, up to the next one; else the next
/// sentence too where it adds a word of the question.
fn quote(sentences: &[Sentence<'_>], spoken: &[Vec<bool>], start: usize) -> String {
    let announced = sentences.get(start).is_some_and(|sentence| sentence.announces);
    let said = spoken.get(start).cloned().unwrap_or_default();
    let first = if announced { start.saturating_add(1) } else { start };
    let mut quote = String::new();
    for (at, sentence) in sentences.iter().enumerate().skip(first) {
        let adds = spoken.get(at).is_some_and(|found| found.iter().zip(&said).any(|(here, before)| *here && !*before));
        let wanted = at == first || announced || (at == first.saturating_add(1) && adds);
        let fits = quote.len().saturating_add(sentence.text.len()) < QUOTE_LIMIT;
        if sentence.announces || !wanted || (!quote.is_empty() && !fits) {
            break;
        }
        if !quote.is_empty() {
            quote.push(' ');
        }
        quote.push_str(sentence.text);
    }
    if quote.is_empty() {
        sentences.get(start).map(|sentence| sentence.text.to_owned()).unwrap_or_default()
    } else {
        quote
    }
}

fn matches(asked: &[String], text: &str) -> Vec<bool> {
    let terms = words::terms(text);
    asked.iter().map(|wanted| terms.iter().any(|term| words::alike(wanted, term))).collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts of words in a message are far below 2^52")]
fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}
