//! What is asked for, in the best form that the channel carries; and what people type, understood by what they were
//! offered.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use switchboard_channels::contract::capabilities::{Capabilities, MediaBy};
use switchboard_channels::contract::content::Content;
use switchboard_channels::contract::failure::Failure;
use switchboard_channels::contract::fitting;
use switchboard_channels::contract::inbound::Message as Incoming;

use super::Switchboard;
use super::conversing::Unsaid;
use super::directory::Account;
use crate::domain::files::File;
use crate::domain::messages::{Direction, Piece};
use crate::store::StoreError;

/// How long a link to a file is good, in milliseconds: people open their mail late.
const LINK_GOOD_FOR_MS: i64 = 30 * 24 * 60 * 60 * 1_000;
/// Most messages that one content may become.
const MOST_PARTS: usize = 20;
/// Longest text that may be a choice, in characters.
const LONGEST_CHOICE: usize = 100;
/// Messages among which the offer is looked for that a text may answer.
const OFFER_REACH: i64 = 6;

impl Switchboard {
    /// The messages in which a channel says this content, in order.
    ///
    /// # Errors
    /// `Content`: no form of this channel carries it, or it names a file that is not there.
    pub(super) async fn fitted(&self, account: &Account, content: Content) -> Result<Vec<Piece>, Unsaid> {
        let vendor = account.vendor.as_ref().map_err(|reason| Unsaid::Unavailable(reason.clone()))?;
        let capabilities = vendor.capabilities();
        let mut known = content.clone();
        self.describe_files(&account.channel.workspace_id, &mut known, capabilities.media_by).await?;
        if account.channel.kind.is_ours() {
            return in_pieces(content, &capabilities).map_err(Unsaid::Content);
        }
        let mut parts = fitting::fit(&known, &capabilities).map_err(Unsaid::Content)?;
        if parts.as_slice() == [known.clone()] {
            return Ok(vec![Piece { content, rendering: None }]);
        }
        if parts.len() > MOST_PARTS {
            let message = format!("content: needs {} messages on this channel, more than {MOST_PARTS}", parts.len());
            return Err(Unsaid::Content(Failure::content("MESSAGE_TOO_LONG", message)));
        }
        let last = parts.pop();
        let mut pieces: Vec<Piece> = parts.into_iter().map(|part| Piece { content: part, rendering: None }).collect();
        if let Some(last) = last {
            // What was asked for stands with the part that ends it, so that a typed answer finds what was offered.
            let asks = pieces.is_empty() || !fitting::options(&content).is_empty();
            pieces.push(if asks && last != content {
                Piece { content, rendering: Some(last) }
            } else {
                Piece { content: last, rendering: None }
            });
        }
        Ok(pieces)
    }

    /// States type and size of our files, and where a vendor (or a person) can fetch them.
    async fn describe_files(&self, workspace_id: &str, content: &mut Content, by: MediaBy) -> Result<(), Unsaid> {
        for media in content.all_media_mut() {
            let Some(file_id) = &media.file_id else { continue };
            let Some(file) = self.store.file(workspace_id, file_id).await? else {
                let missing = "content.file_id: there is no such file";
                return Err(Unsaid::Content(Failure::content("INVALID_CONTENT", missing)));
            };
            media.size = u64::try_from(file.size).ok();
            media.mime_type = media.mime_type.take().or(Some(file.mime_type.clone()));
            media.filename = media.filename.take().or_else(|| file.filename.clone());
            if media.url.is_none() && by != MediaBy::Attachment {
                media.url = Some(self.file_link(workspace_id, &file));
            }
        }
        Ok(())
    }

    /// An address under which anybody may fetch this one file for a while.
    #[must_use]
    pub fn file_link(&self, workspace_id: &str, file: &File) -> String {
        let claims = format!("{workspace_id}|{}|{}", file.id, self.store.clock().now() + LINK_GOOD_FOR_MS);
        let claims = URL_SAFE_NO_PAD.encode(claims);
        let signature =
            link_mac(&self.options.token_key, &claims).map(|mac| URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()));
        let base = self.options.public_url.as_deref().unwrap_or_default();
        format!("{base}/api/files/{}?link={claims}.{}", file.id, signature.unwrap_or_default())
    }

    /// The file that a link was made for, while it is good.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn linked_file(&self, id: &str, link: &str) -> Result<Option<File>, StoreError> {
        let Some((workspace_id, file_id)) = self.read_link(link) else { return Ok(None) };
        if file_id != id {
            return Ok(None);
        }
        self.store.file(&workspace_id, &file_id).await
    }

    fn read_link(&self, link: &str) -> Option<(String, String)> {
        let (claims, signature) = link.split_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        // While the installation changes its master key, links that are under way stay good.
        let keys = [Some(&self.options.token_key), self.options.previous_token_key.as_ref()];
        let signed = |key: &[u8; 32]| link_mac(key, claims).is_some_and(|mac| mac.verify_slice(&signature).is_ok());
        if !keys.into_iter().flatten().any(signed) {
            return None;
        }
        let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        let mut parts = claims.split('|');
        let (workspace_id, file_id, expires_at) = (parts.next()?, parts.next()?, parts.next()?);
        let good = expires_at.parse::<i64>().ok()? > self.store.clock().now();
        good.then(|| (workspace_id.to_owned(), file_id.to_owned()))
    }

    /// A short text may pick one of the options that were offered as a numbered list.
    pub(super) async fn understand_choice(
        &self,
        account: &Account,
        conversation_id: &str,
        message: &mut Incoming,
    ) -> Result<(), StoreError> {
        let Content::Text { text, .. } = &message.content else { return Ok(()) };
        let Some(capabilities) = account.capabilities() else { return Ok(()) };
        let lists = capabilities.buttons.is_none() || text.trim().len() <= 6;
        if !lists || text.chars().count() > LONGEST_CHOICE || !may_choose(text, capabilities.buttons.is_none()) {
            return Ok(());
        }
        let workspace_id = &account.channel.workspace_id;
        let messages = self.store.messages(workspace_id, conversation_id, None, OFFER_REACH).await?;
        let offer = messages
            .iter()
            .rev()
            .find(|message| message.direction == Direction::Outbound && !fitting::options(&message.content).is_empty());
        let Some(offer) = offer.filter(|offer| offer.rendering.is_some()) else { return Ok(()) };
        if let Some(chosen) = fitting::chosen(&fitting::options(&offer.content), text) {
            message.content = chosen;
        }
        Ok(())
    }
}

/// What our own channels show: each part of a message in several by itself.
fn in_pieces(content: Content, capabilities: &Capabilities) -> Result<Vec<Piece>, Failure> {
    if matches!(content, Content::Multipart { .. }) {
        fitting::fit(&content, capabilities)?;
    }
    Ok(match content {
        Content::Multipart { parts } => parts.into_iter().map(Piece::from).collect(),
        single => vec![single.into()],
    })
}

fn link_mac(key: &[u8; 32], claims: &str) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    // The same key signs visitors' tokens; neither may pass for the other.
    mac.update(b"file link|");
    mac.update(claims.as_bytes());
    Some(mac)
}

/// Whether a text is worth looking for the offer that it may answer: a number, or a label where nothing else can be
/// picked.
fn may_choose(text: &str, labels_are_typed: bool) -> bool {
    let number = text.trim().trim_matches(|letter: char| !letter.is_alphanumeric());
    labels_are_typed || (1..=4).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
}
