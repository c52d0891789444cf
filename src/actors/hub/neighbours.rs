//! What the nodes on one database tell each other in passing: who of a workspace is at each, and who is writing. Nothing of
//! it is kept. A word that is lost is said again by the next round; a node that says nothing any more is forgotten.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::sync::broadcast::error::RecvError;

use super::{Hub, Sight};
use crate::store::Store;
use crate::store::whispers::{LONGEST, Whisper};

/// How often a node says all that it knows.
const AGAIN_EVERY: Duration = Duration::from_secs(3);
/// What was not said again for so long is over.
const SILENT_AFTER: Duration = Duration::from_secs(10);
/// How often it is looked at who has fallen silent.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The pause between two whispers about news: what happens meanwhile goes into the next one.
const BREATH: Duration = Duration::from_millis(100);
/// Most signs of writing that wait to be told; what is more is not told.
const MOST_TYPING: usize = 500;

/// What one node tells the others.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "sign", rename_all = "snake_case")]
enum Sign {
    /// Who of a workspace is there; nobody, if it is empty.
    Here { workspace_id: String, names: Vec<String> },
    /// Somebody is writing.
    Typing(Typing),
    /// The node ends.
    Left,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Typing {
    workspace_id: String,
    conversation_id: String,
    member: Option<String>,
}

/// What this node has not told the others yet.
#[derive(Default)]
pub(super) struct Outbox {
    waiting: Mutex<Waiting>,
    wakes: Notify,
}

#[derive(Default)]
struct Waiting {
    /// There are others to tell.
    is_open: bool,
    moved: BTreeSet<String>,
    typing: BTreeSet<Typing>,
}

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, add: impl FnOnce(&mut Waiting)) {
        let mut waiting = self.lock();
        if waiting.is_open {
            add(&mut waiting);
            self.wakes.notify_one();
        }
    }

    /// Somebody of a workspace came to this node or went.
    pub(super) fn moved(&self, workspace_id: &str) {
        self.add(|waiting| {
            waiting.moved.insert(workspace_id.to_owned());
        });
    }

    fn typing(&self, typing: Typing) {
        self.add(|waiting| {
            if waiting.typing.len() < MOST_TYPING {
                waiting.typing.insert(typing);
            }
        });
    }
}

impl Hub {
    /// Shows the members of a workspace, at whichever node, that somebody is writing: a member, or else the contact.
    pub fn show_typing(&self, workspace_id: &str, conversation_id: &str, member: Option<&str>) {
        let sight = Sight::Typing { conversation_id: conversation_id.into(), member: member.map(Arc::from) };
        self.show(workspace_id, &sight);
        self.outbox.typing(Typing {
            workspace_id: workspace_id.to_owned(),
            conversation_id: conversation_id.to_owned(),
            member: member.map(str::to_owned),
        });
    }

    /// Tells the other nodes on the same database who is here and who is writing, and hears it of them, until it is
    /// dropped. Needs [`Store::follow_other_nodes`] to run.
    pub async fn share(self, store: Store) {
        if !store.is_shared() {
            return;
        }
        self.outbox.lock().is_open = true;
        tokio::join!(self.tell(&store), self.hear(&store));
    }

    /// Tells the other nodes that nobody is here any more: this node ends.
    pub async fn leave(&self, store: &Store) {
        say(store, &[Sign::Left]).await;
    }

    async fn tell(&self, store: &Store) {
        let mut rounds = tokio::time::interval(AGAIN_EVERY);
        rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let signs = tokio::select! {
                _ = rounds.tick() => self.here(self.present.workspaces()).collect(),
                () = self.outbox.wakes.notified() => self.news(),
            };
            say(store, &signs).await;
            tokio::time::sleep(BREATH).await;
        }
    }

    fn here(&self, workspaces: impl IntoIterator<Item = String>) -> impl Iterator<Item = Sign> {
        workspaces.into_iter().map(|workspace_id| {
            let names = that_fit(&self.present.at_this_node(&workspace_id));
            Sign::Here { workspace_id, names }
        })
    }

    fn news(&self) -> Vec<Sign> {
        let mut waiting = self.outbox.lock();
        let (moved, typing) = (std::mem::take(&mut waiting.moved), std::mem::take(&mut waiting.typing));
        drop(waiting);
        self.here(moved).chain(typing.into_iter().map(Sign::Typing)).collect()
    }

    async fn hear(&self, store: &Store) {
        let mut whispers = store.listen_whispers();
        let mut rounds = tokio::time::interval(LOOK_EVERY);
        rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                heard = whispers.recv() => match heard {
                    Ok(whisper) => self.take_in(&whisper),
                    // What was missed is said again.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
                _ = rounds.tick() => self.show_gone(self.present.forget_silent(Instant::now(), SILENT_AFTER)),
            }
        }
    }

    fn take_in(&self, whisper: &Whisper) {
        // A newer node may say what this one does not know.
        for sign in whisper.text.lines().filter_map(|line| serde_json::from_str(line).ok()) {
            match sign {
                Sign::Here { workspace_id, names } => {
                    let names = names.into_iter().map(Arc::from).collect();
                    if self.present.put(&workspace_id, &whisper.node_id, names, Instant::now()) {
                        self.show(&workspace_id, &Sight::Presence);
                    }
                }
                Sign::Typing(Typing { workspace_id, conversation_id, member }) => {
                    let (conversation_id, member) = (conversation_id.into(), member.map(Arc::from));
                    self.show(&workspace_id, &Sight::Typing { conversation_id, member });
                }
                Sign::Left => self.show_gone(self.present.forget(&whisper.node_id)),
            }
        }
    }

    fn show_gone(&self, workspaces: Vec<String>) {
        for workspace_id in workspaces {
            self.show(&workspace_id, &Sight::Presence);
        }
    }
}

/// As many names as one whisper holds, with the rest of their sign.
fn that_fit(names: &[Arc<str>]) -> Vec<String> {
    const REST: usize = 200;
    let mut room = LONGEST - REST;
    let mut fitting = Vec::new();
    for name in names {
        let size = serde_json::to_string(name).map_or(LONGEST, |text| text.len() + 1);
        let Some(left) = room.checked_sub(size) else { break };
        room = left;
        fitting.push(name.to_string());
    }
    fitting
}

/// The signs, a line each, in as few texts as hold them. A sign that is too long for any is left out.
fn texts(signs: &[Sign]) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    let lines = signs.iter().filter_map(|sign| serde_json::to_string(sign).ok());
    for line in lines.filter(|line| line.len() <= LONGEST) {
        match texts.last_mut() {
            Some(text) if text.len() + 1 + line.len() <= LONGEST => {
                text.push('\n');
                text.push_str(&line);
            }
            _ => texts.push(line),
        }
    }
    texts
}

async fn say(store: &Store, signs: &[Sign]) {
    for text in texts(signs) {
        if let Err(error) = store.whisper(&text).await {
            tracing::debug!(%error, "who is here is told to the other nodes later");
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Hub, LONGEST, MOST_TYPING, Sign, Whisper, texts, that_fit};

    fn here(workspace_id: &str, names: &[&str]) -> Sign {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        Sign::Here { workspace_id: workspace_id.to_owned(), names }
    }

    #[test]
    fn any_number_of_signs_is_told_in_texts_that_fit() {
        let crowd: Vec<_> = (0..2_000).map(|number| format!("\"Ana\" Müller {number}").into()).collect();
        let names = that_fit(&crowd);
        assert!(names.len() > 100 && names.len() < crowd.len());
        let mut signs = vec![Sign::Here { workspace_id: "w".repeat(36), names }, here(&"x".repeat(LONGEST), &[])];
        signs.extend((0..500).map(|number| here(&format!("w{number}"), &["Ana"])));
        let texts = texts(&signs);
        assert!(texts.iter().all(|text| text.len() <= LONGEST));
        let read: Vec<Sign> =
            texts.iter().flat_map(|text| text.lines()).map(|line| serde_json::from_str(line).unwrap()).collect();
        signs.remove(1);
        assert_eq!(read, signs);
    }

    #[test]
    fn what_others_say_is_taken_in_and_what_nobody_knows_is_not() {
        let hub = Hub::default();
        let hear = |node_id: &str, text: &str| {
            hub.take_in(&Whisper { node_id: node_id.to_owned(), text: text.to_owned() });
            hub.present("w").join(" ")
        };
        let ana = serde_json::to_string(&here("w", &["Ana"])).unwrap();
        for (text, expected) in [
            ("", ""),
            ("{", ""),
            (r#"{"sign":"dances"}"#, ""),
            (ana.as_str(), "Ana"),
            (r#"{"sign":"here","workspace_id":"w","names":["Ben"],"more":1}"#, "Ben"),
            (r#"{"sign":"left"}"#, ""),
        ] {
            assert_eq!(hear("a", text), expected, "{text}");
        }
    }

    #[test]
    fn what_nobody_hears_does_not_pile_up() {
        let hub = Hub::default();
        let _ana = hub.enter("w", "Ana");
        hub.show_typing("w", "c", None);
        assert_eq!(hub.news(), []);
        hub.outbox.lock().is_open = true;
        for number in 0..2 * MOST_TYPING {
            hub.show_typing("w", "c", Some("Ana"));
            hub.show_typing("w", &format!("c{number}"), None);
        }
        drop(hub.enter("w", "Ben"));
        let news = hub.news();
        assert_eq!((news.len(), &news[0]), (1 + MOST_TYPING, &here("w", &["Ana"])));
        assert_eq!(hub.news(), []);
    }
}
