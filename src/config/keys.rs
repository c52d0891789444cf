//! The table of settings: what each key takes and what it does. The reference, the sample file and the reading of the
//! environment come from it, so a key is described once.

/// What a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Words.
    Text,
    /// A path.
    Path,
    /// Words that are never shown.
    Secret,
    /// An IP address and a port.
    Address,
    /// A whole number.
    Number,
    /// `true` or `false`.
    Flag,
    /// A duration.
    Span,
    /// One of a few words.
    Choice(&'static [&'static str]),
}

/// A setting.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its path, for example `conversations.quiet_period`.
    pub name: &'static str,
    /// What it takes.
    pub form: Form,
    /// Shown as default where the code's own default is none.
    pub unset: &'static str,
    /// What it does, in a sentence.
    pub sentence: &'static str,
}

const fn key(name: &'static str, form: Form, sentence: &'static str) -> Key {
    Key { name, form, unset: "", sentence }
}

const fn optional(name: &'static str, form: Form, unset: &'static str, sentence: &'static str) -> Key {
    Key { name, form, unset, sentence }
}

/// All settings, in the order of the documentation.
pub const KEYS: &[Key] = &[
    key("data_dir", Form::Path, "Folder of everything that is kept on disk: the database, files, the development key."),
    key("listen", Form::Address, "Address and port of the HTTP server; 0.0.0.0 listens on every interface."),
    optional(
        "database",
        Form::Text,
        "sqlite:{data_dir}/switchboard.db",
        "The database: `sqlite:PATH`, or `postgres://user:password@host/name`.",
    ),
    optional(
        "public_url",
        Form::Text,
        "http://{listen}",
        "Where vendors and browsers reach this installation; links and callback addresses begin with it.",
    ),
    optional(
        "plans",
        Form::Path,
        "built-in",
        "File of the plans and their limits; the built-in ones are `config/plans.toml` of the source.",
    ),
    optional(
        "redis",
        Form::Text,
        "none",
        "Address of the Redis in which several nodes count requests together, such as `redis://127.0.0.1:6379`; without it, and while it is away, each node counts by itself.",
    ),
    optional(
        "prices",
        Form::Path,
        "built-in",
        "File of the models' prices; the built-in ones are `config/prices.toml` of the source.",
    ),
    key("workers", Form::Number, "Threads that serve HTTP; 0 takes as many as the machine has processors."),
    key("shards", Form::Number, "Threads that conversations live on; 0 takes as many as the machine has processors."),
    optional(
        "security.master_key",
        Form::Secret,
        "none",
        "64 hex digits, for example from `openssl rand -hex 32`; seals every secret in the database, so keep a copy. `serve` needs it, `dev` makes one.",
    ),
    optional(
        "security.previous_master_key",
        Form::Secret,
        "none",
        "The master key before it, while secrets are still sealed with it: set both, start the gateway anew, run `switchboard rotate-key`, then remove this one.",
    ),
    optional(
        "security.sign_up",
        Form::Choice(&["open", "invited", "closed"]),
        "open with `dev`, invited with `serve`",
        "Who may make an account: `open` everybody, `invited` the first one and then who was invited, `closed` nobody but who was invited already.",
    ),
    key(
        "network.allow_private_addresses",
        Form::Flag,
        "Lets addresses that customers and vendors name lead into private networks and to this machine; for development.",
    ),
    key("network.connect_timeout", Form::Span, "How long a connection to a vendor or model may take to come about."),
    key("network.request_timeout", Form::Span, "How long a whole exchange with a vendor may take."),
    key("network.download_idle_timeout", Form::Span, "How long a download may stand still."),
    key("network.max_response_bytes", Form::Number, "The largest answer of a vendor that is read, in bytes."),
    key("network.idle_connections_per_host", Form::Number, "Idle connections kept open per host."),
    key("network.idle_connection_timeout", Form::Span, "How long an idle connection is kept."),
    optional(
        "network.trusted_proxies",
        Form::Text,
        "none",
        "Networks of your reverse proxies, such as `10.0.0.0/8, ::1`: their word about a caller's address (X-Forwarded-For) is believed, nobody else's.",
    ),
    optional(
        "models.openai_key",
        Form::Secret,
        "none",
        "The installation's own key for models named `openai/…`; workspaces without a key of their own use it, unless their plan forbids that.",
    ),
    optional("models.anthropic_key", Form::Secret, "none", "The same for models named `anthropic/…`."),
    optional("models.gemini_key", Form::Secret, "none", "The same for models named `gemini/…`."),
    optional(
        "models.openai_url",
        Form::Text,
        "the provider's",
        "Base address where models named `openai/…` are served with the installation's key, for a region or a proxy.",
    ),
    optional("models.anthropic_url", Form::Text, "the provider's", "The same for models named `anthropic/…`."),
    optional("models.gemini_url", Form::Text, "the provider's", "The same for models named `gemini/…`."),
    key(
        "sending.receipt_wait",
        Form::Span,
        "How long a send whose answer was lost waits for its receipt before it is sent again.",
    ),
    key(
        "conversations.quiet_period",
        Form::Span,
        "How long it must be quiet before a burst of messages is answered as one; 0 answers at once.",
    ),
    key(
        "conversations.idle_after",
        Form::Span,
        "How long an idle conversation stays in memory; it comes back from the database when needed.",
    ),
    key("conversations.history", Form::Number, "Earlier messages that an agent is given as context."),
    optional(
        "assistant.weather_url",
        Form::Text,
        "not connected",
        "Base address of a forecast service, for example https://api.open-meteo.com; days show the weather from there.",
    ),
    optional(
        "embeddings.url",
        Form::Text,
        "none",
        "Base address of a server of embeddings (`POST /v1/embeddings`), such as https://api.openai.com: what was learned and what agents know goes there, and is found by its meaning, too. Without it everything is found by its words.",
    ),
    optional("embeddings.model", Form::Text, "none", "The model of embeddings, such as `text-embedding-3-small`."),
    optional(
        "embeddings.key",
        Form::Secret,
        "none",
        "The key of that server, if it needs one; what is spent by it counts against each workspace's hosted tokens.",
    ),
    key("limits.body_bytes", Form::Number, "The largest body of a callback, in bytes."),
    key(
        "limits.request_timeout",
        Form::Span,
        "How long a request may take to arrive, so that slow clients hold nothing.",
    ),
    key("limits.connections", Form::Number, "Connections that one worker holds at once."),
    key(
        "limits.requests_per_address",
        Form::Number,
        "Requests a minute from one address, whoever calls; 0 counts none. Vendors' callbacks are never counted. Behind a proxy set `network.trusted_proxies`, too, or all callers have the proxy's address.",
    ),
    key("limits.uncounted_addresses", Form::Text, "Networks whose requests are not counted by address."),
    key("media.max_bytes", Form::Number, "The largest file of a message that is fetched and kept, in bytes."),
    key(
        "privacy.settle",
        Form::Span,
        "How long after an erasure everything has surely ended that was under way (a turn, a send, a download): then it is gone through once more, and the receipt is made.",
    ),
    key("store.connections", Form::Number, "Connections for reading (SQLite), or in all (PostgreSQL)."),
    key("store.queue", Form::Number, "Changes that may wait to be written; more make their callers wait."),
    key(
        "store.lease",
        Form::Span,
        "How long this process keeps its jobs without a sign of life before another takes them.",
    ),
    key("store.acquire_timeout", Form::Span, "How long to wait for a connection to the database."),
    key(
        "shutdown.deadline",
        Form::Span,
        "How long what is in hand may take to finish after SIGTERM; the rest is left to the durable jobs.",
    ),
    key(
        "logging.format",
        Form::Choice(&["auto", "pretty", "json"]),
        "How log lines look; `auto` is pretty on a terminal and JSON otherwise.",
    ),
    key("logging.level", Form::Text, "What is logged: a level, or directives such as `info,switchboard::jobs=debug`."),
];

/// The key of this path.
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}
