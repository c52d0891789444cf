//! The audit log: what was done to a workspace's own set-up, by whom and from where. Its words are stable.

use serde::Serialize;
use serde_json::Value;

macro_rules! actions {
    ($($variant:ident $word:literal $meaning:literal;)+) => {
        /// What was done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Action {
            $(
                #[doc = $meaning]
                $variant,
            )+
        }

        impl Action {
            /// The word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }
    };
}

actions! {
    SignedUp "auth.signed_up" "An account was made.";
    SignedIn "auth.signed_in" "Somebody signed in with their password.";
    SignInFailed "auth.sign_in_failed" "Somebody tried a wrong password.";
    SignedOut "auth.signed_out" "Somebody signed out.";
    PasswordChanged "auth.password_changed" "Somebody changed their password; their other sessions ended.";
    CodeSent "auth.code_sent" "A code to sign in left for a phone.";
    CodeAccepted "auth.code_accepted" "Somebody signed in with a code.";
    CodeRefused "auth.code_refused" "Somebody tried a wrong code.";
    KeyCreated "key.created" "A key was made.";
    KeyChanged "key.changed" "A key's name, scopes or expiry changed.";
    KeyRotated "key.rotated" "A key got a new secret.";
    KeyRevoked "key.revoked" "A key was revoked.";
    MemberChanged "member.changed" "A member got another role.";
    MemberRemoved "member.removed" "A member was removed.";
    MemberJoined "member.joined" "Somebody accepted an invitation.";
    InvitationMade "invitation.created" "Somebody was invited.";
    InvitationWithdrawn "invitation.withdrawn" "An invitation was withdrawn.";
    ChannelCreated "channel.created" "A channel was made.";
    ChannelChanged "channel.changed" "A channel's name, agent or settings changed.";
    ChannelRemoved "channel.removed" "A channel was removed.";
    ChannelRotated "channel.rotated" "A channel got new secrets.";
    ContactExported "contact.exported" "Everything held about a person was handed out.";
    ContactErased "contact.erased" "Somebody asked for a person's erasure.";
    ProviderSet "provider.set" "The workspace's account with a provider of models was set.";
    ProviderRemoved "provider.removed" "The workspace's account with a provider of models was forgotten.";
    RetentionChanged "retention.changed" "It was set after how many days what is forgotten.";
    TemplateSubmitted "template.submitted" "A message template was handed in for approval.";
    TemplateEnded "template.ended" "A message template was ended at its vendor.";
    WorkspaceCreated "workspace.created" "The workspace was made.";
    WorkspaceChanged "workspace.changed" "The workspace's name or settings changed.";
}

/// Something that was done, to be written down.
#[derive(Debug, Clone, PartialEq)]
pub struct Deed {
    /// Whose log it stands in; none: it concerns no workspace.
    pub workspace_id: Option<String>,
    /// `user:<id>` or `key:<id>`; none: nobody known.
    pub actor: Option<String>,
    /// Their name, for display.
    pub actor_name: Option<String>,
    /// What.
    pub action: Action,
    /// Id of what it was done to.
    pub target: Option<String>,
    /// From where.
    pub ip: Option<String>,
    /// What else is worth knowing: an object without secrets.
    pub detail: Value,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct AuditEntry {
    /// UUID.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000012")]
    pub id: String,
    /// Unix milliseconds.
    #[schema(example = 1_767_225_600_000_i64)]
    pub at: i64,
    /// `user:<id>` or `key:<id>`; null: nobody known.
    #[schema(example = "user:0198c1d2-7e00-7000-8000-000000000010")]
    pub actor: Option<String>,
    /// Their name at the time.
    #[schema(example = "Jane Doe")]
    pub actor_name: Option<String>,
    /// What was done.
    #[schema(example = "member.changed")]
    pub action: String,
    /// Id of what it was done to.
    #[schema(example = "0198c1d2-7e00-7000-8000-000000000010")]
    pub target: Option<String>,
    /// From where.
    #[schema(example = "203.0.113.7")]
    pub ip: Option<String>,
    /// What else is worth knowing.
    #[schema(value_type = Object, example = json!({ "role": "admin" }))]
    pub detail: Value,
}
