//! What agents know: documents cut into passages that keep sentences and headings whole.

use hmac::digest::Digest as _;
use text_splitter::{MarkdownSplitter, TextSplitter};

use super::Switchboard;
use crate::domain::nearness::FoundBy;
use crate::llm::knowledge::ends_sentence;
use crate::store::documents::{FoundPassage, NewDocument};
use crate::store::{Store, StoreError};

/// The longest passage, in characters: enough for an answer, little enough to quote.
const PASSAGE: usize = 800;
/// Part of every hash; another number makes every document be cut again.
const CUT: &str = "3";

/// How a document's text is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Markup {
    /// Headings and lists count.
    Markdown,
    /// Paragraphs and sentences only.
    Plain,
}

/// A document for an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Title.
    pub title: String,
    /// Where it is from; unique for the agent.
    pub source: String,
    /// Its text.
    pub text: String,
    /// How to read it.
    pub markup: Markup,
}

impl Document {
    /// SHA-256 of everything that matters to what is stored, lower-case hex.
    #[must_use]
    pub fn hash(&self) -> String {
        let markup = match self.markup {
            Markup::Markdown => "markdown",
            Markup::Plain => "plain",
        };
        let parts = [CUT, markup, &self.title, &self.text];
        hex::encode(sha2::Sha256::digest(parts.join("\0").as_bytes()))
    }

    /// Its passages in order, none of them empty. Where one begins or ends within a sentence, dots say so.
    #[must_use]
    pub fn passages(&self) -> Vec<String> {
        let text = self.text.as_str();
        let passages: Vec<(usize, &str)> = match self.markup {
            Markup::Markdown => MarkdownSplitter::new(PASSAGE).chunk_indices(text).collect(),
            Markup::Plain => TextSplitter::new(PASSAGE).chunk_indices(text).collect(),
        };
        let passages = passages.into_iter().filter(|(_, passage)| !passage.trim().is_empty());
        passages
            .map(|(at, passage)| {
                let before = text.get(..at).unwrap_or_default();
                let behind = text.get(at.saturating_add(passage.len())..).unwrap_or_default();
                let begins = if is_cut(before, passage) { "… " } else { "" };
                let ends = if is_cut(passage, behind) { " …" } else { "" };
                format!("{begins}{passage}{ends}")
            })
            .collect()
    }
}

/// Whether a sentence is cut between these two pieces of a text.
fn is_cut(before: &str, behind: &str) -> bool {
    /// After these something new may begin, or the sentence may go on.
    const PAUSES: [char; 10] = [':', ';', '：', '"', '\'', ')', ']', '”', '’', '»'];
    let (end, beginning) = (before.trim_end(), behind.trim_start());
    if end.is_empty() || beginning.is_empty() || end.ends_with('|') || ends_sentence(end, beginning) {
        return false;
    }
    let gap = before.get(end.len()..).into_iter().chain(behind.get(..behind.len().saturating_sub(beginning.len())));
    let goes_on = beginning.starts_with(char::is_lowercase);
    match gap.map(|blank| blank.matches('\n').count()).sum() {
        0_usize => goes_on || !end.ends_with(PAUSES),
        // A line that was wrapped goes on in small letters; anything else begins anew.
        1 => goes_on && !end.ends_with(PAUSES),
        _ => false,
    }
}

/// What teaching an agent a document would change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Novelty {
    /// The agent has no document of this source.
    New,
    /// It has another version.
    Changed,
    /// It has this one.
    Known,
}

/// Says whether the agent knows the document already.
///
/// # Errors
/// The database is not available.
pub async fn novelty(store: &Store, agent_id: &str, document: &Document) -> Result<Novelty, StoreError> {
    Ok(match store.document_hash(agent_id, &document.source).await? {
        None => Novelty::New,
        Some((_, hash)) if hash == document.hash() => Novelty::Known,
        Some(_) => Novelty::Changed,
    })
}

/// Teaches an agent a document, in place of its earlier version; does nothing when the agent knows it already. If it
/// `embeds`, a job embeds its passages.
///
/// # Errors
/// The database is not available.
pub async fn teach(
    store: &Store,
    workspace_id: &str,
    agent_id: &str,
    document: &Document,
    embeds: bool,
) -> Result<Novelty, StoreError> {
    let novelty = novelty(store, agent_id, document).await?;
    if novelty != Novelty::Known {
        let document = NewDocument {
            id: store.clock().id(),
            workspace_id: workspace_id.to_owned(),
            agent_id: agent_id.to_owned(),
            title: document.title.clone(),
            source: document.source.clone(),
            hash: document.hash(),
            passages: document.passages(),
            embeds,
        };
        store.put_document(&document).await?;
    }
    Ok(novelty)
}

impl Switchboard {
    /// Finds what an agent knows of a question, the best first, as the agent does for its answers; and says how it was
    /// found.
    ///
    /// # Errors
    /// The database is not available.
    pub async fn search_knowledge(
        &self,
        workspace_id: &str,
        agent_id: &str,
        question: &str,
        limit: i64,
    ) -> Result<(Vec<FoundPassage>, FoundBy), StoreError> {
        let (found, by) = self.agents.meaning().passages(workspace_id, agent_id, &[question], limit).await?;
        Ok((found.into_iter().flatten().collect(), by))
    }
}

#[cfg(test)]
mod tests {
    use super::{Document, Markup, PASSAGE, is_cut};

    fn document(text: &str, markup: Markup) -> Document {
        Document { title: "T".into(), source: "s".into(), text: text.into(), markup }
    }

    #[test]
    fn passages_are_short_whole_and_complete() {
        let sentence = "We roast every order on the day it ships. ";
        let section = format!("## Delivery\n\n{}\n\n", sentence.repeat(15));
        let passages = document(&section.repeat(3), Markup::Markdown).passages();
        assert_eq!(passages.len(), 3, "one passage a section");
        assert!(passages.iter().all(|passage| passage.starts_with("## Delivery") && passage.len() <= PASSAGE));
        let long = document(&sentence.repeat(100), Markup::Plain).passages();
        assert!(long.iter().all(|passage| passage.len() <= PASSAGE && passage.ends_with('.')), "{long:?}");
        assert_eq!(long.iter().map(|passage| passage.matches("ships.").count()).sum::<usize>(), 100);
        assert!(document(" \n\n ", Markup::Markdown).passages().is_empty());
    }

    #[test]
    fn cut_sentences_are_marked() {
        let endless = "word ".repeat(400);
        let passages = document(&endless, Markup::Plain).passages();
        assert!(passages.len() > 1);
        for (index, passage) in passages.iter().enumerate() {
            assert_eq!(passage.starts_with("… "), index > 0, "{passage}");
            assert_eq!(passage.ends_with(" …"), index + 1 < passages.len(), "{passage}");
        }
    }

    #[test]
    fn a_sentence_is_cut_where_it_goes_on() {
        let cases = [
            ("We open at nine. ", "We close at six.", false),
            ("we open at nine. ", "we close at six.", false),
            ("Is it open? ", "yes, it is.", false),
            ("Parcels (up to 5 kg) ", "cost nine euros.", true),
            ("Parcels (up to 5 kg) ", "Nine euros.", false),
            ("We call it \"express\" ", "because it is fast.", true),
            ("We ship: ", "to Austria and Italy.", true),
            ("We ship:\n", "to Austria", false),
            ("It costs approx. ", "5 euros.", true),
            ("Use e.g. ", "a bag.", true),
            ("Postage is ", "nine euros.", true),
            ("that we have sold to you within\n", "thirty days", true),
            ("A heading\n", "Another line", false),
            ("A paragraph without an end\n\n", "another", false),
            ("| a | b |", " c | d |", false),
            ("営業時間は九時からです。", "日曜日は休みです。", false),
            ("", "anything", false),
        ];
        for (before, behind, cut) in cases {
            assert_eq!(is_cut(before, behind), cut, "{before:?} {behind:?}");
        }
    }

    #[test]
    fn what_matters_changes_the_hash() {
        let one = document("text", Markup::Plain);
        let others = [
            document("text!", Markup::Plain),
            document("text", Markup::Markdown),
            Document { title: "U".into(), ..one.clone() },
        ];
        for other in others {
            assert_ne!(one.hash(), other.hash());
        }
        assert_eq!(one.hash(), Document { source: "elsewhere".into(), ..one.clone() }.hash());
    }
}
