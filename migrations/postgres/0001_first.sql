-- The tenants.
CREATE TABLE workspaces (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    plan TEXT NOT NULL,
    -- Sequence number of the workspace's newest event.
    event_seq BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL
);

-- Who answers. `settings` is JSON with the defaults left out.
CREATE TABLE agents (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    name TEXT NOT NULL,
    model TEXT NOT NULL,
    instructions TEXT NOT NULL,
    settings TEXT NOT NULL,
    -- Sealed secrets of the agent (its model's key), or NULL.
    credentials TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (workspace_id, name)
);

-- The accounts through which people reach us. `settings` is sealed: it holds the vendor's secrets.
CREATE TABLE channels (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    agent_id TEXT REFERENCES agents (id),
    account TEXT,
    business TEXT,
    settings TEXT NOT NULL,
    state TEXT NOT NULL,
    state_reason TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (workspace_id, name)
);
CREATE UNIQUE INDEX channels_by_account ON channels (kind, account);
CREATE INDEX channels_by_business ON channels (kind, business);

CREATE TABLE api_keys (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    -- One agent only, or NULL for the whole workspace.
    agent_id TEXT REFERENCES agents (id),
    name TEXT NOT NULL,
    prefix TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    expires_at BIGINT,
    revoked_at BIGINT,
    last_used_at BIGINT,
    created_at BIGINT NOT NULL,
    UNIQUE (workspace_id, name)
);

-- What an agent knows.
CREATE TABLE documents (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    agent_id TEXT NOT NULL REFERENCES agents (id),
    title TEXT NOT NULL,
    -- Where it is from; shown with every quotation.
    source TEXT NOT NULL,
    hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (agent_id, source)
);

CREATE TABLE passages (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    document_id TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    ordinal BIGINT NOT NULL,
    text TEXT NOT NULL,
    -- PostgreSQL's full-text search keeps its index in a column.
    terms TSVECTOR GENERATED ALWAYS AS (to_tsvector('english', text)) STORED
);
CREATE INDEX passages_by_document ON passages (document_id);
CREATE INDEX passages_index ON passages USING GIN (terms);

CREATE TABLE contacts (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL,
    name TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- A person is not a phone number: many identities, each unique within its channel account.
CREATE TABLE identities (
    channel_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (channel_id, kind, value)
);
CREATE INDEX identities_by_contact ON identities (contact_id, channel_id);

CREATE TABLE conversations (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL,
    channel_id TEXT NOT NULL REFERENCES channels (id),
    kind TEXT NOT NULL,
    contact_id TEXT NOT NULL REFERENCES contacts (id),
    agent_id TEXT,
    owner TEXT NOT NULL,
    -- Compared by every commit; a loser reads again.
    version BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    answered_seq BIGINT NOT NULL,
    window_expires_at BIGINT,
    turn_job TEXT,
    created_at BIGINT NOT NULL,
    last_message_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX conversations_by_contact ON conversations (channel_id, contact_id);
CREATE INDEX conversations_by_workspace ON conversations (workspace_id, last_message_at);

CREATE TABLE messages (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL,
    conversation_id TEXT NOT NULL REFERENCES conversations (id),
    channel_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    direction TEXT NOT NULL,
    author TEXT NOT NULL,
    content TEXT NOT NULL,
    body TEXT NOT NULL,
    attachments TEXT,
    -- Our id, or the vendor's where the message is not known here.
    reply_to TEXT,
    status TEXT NOT NULL,
    -- Rank of the status: it only grows.
    rank BIGINT NOT NULL,
    provider_id TEXT,
    provider_at BIGINT,
    error TEXT,
    created_at BIGINT NOT NULL,
    edited_at BIGINT,
    deleted_at BIGINT
);
-- Nothing is handled twice: a vendor's id is unique for ever.
CREATE UNIQUE INDEX messages_by_provider ON messages (channel_id, provider_id);
CREATE UNIQUE INDEX messages_by_seq ON messages (conversation_id, seq);

-- Edits and deletions by their own vendor ids; they may arrive before their message.
CREATE TABLE revisions (
    channel_id TEXT NOT NULL,
    id TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    target TEXT NOT NULL,
    content TEXT,
    body TEXT,
    at BIGINT NOT NULL,
    PRIMARY KEY (channel_id, id)
);
CREATE INDEX revisions_by_target ON revisions (channel_id, target);

CREATE TABLE files (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL,
    message_id TEXT,
    sha256 TEXT NOT NULL,
    size BIGINT NOT NULL,
    mime_type TEXT NOT NULL,
    filename TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX files_by_hash ON files (sha256);

-- Every raw delivery of a vendor, with its outcome. No workspace: it was for nobody here.
CREATE TABLE deliveries (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT,
    channel_id TEXT,
    kind TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT,
    body TEXT NOT NULL
);
CREATE INDEX deliveries_by_workspace ON deliveries (workspace_id, received_at);
CREATE INDEX deliveries_unfinished ON deliveries (outcome, received_at) WHERE outcome IN ('pending', 'dead_letter');

-- What was said to a vendor and what it answered, without secrets.
CREATE TABLE exchanges (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    request TEXT NOT NULL,
    status BIGINT,
    response TEXT NOT NULL,
    duration_ms BIGINT NOT NULL
);
CREATE INDEX exchanges_by_message ON exchanges (message_id);

-- The one event sequence of a workspace.
CREATE TABLE events (
    workspace_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL,
    conversation_id TEXT,
    at BIGINT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (workspace_id, seq)
);

-- The processes that hold leases. A job belongs to its node while the node's lease lives.
CREATE TABLE nodes (
    id TEXT NOT NULL PRIMARY KEY,
    lease_until BIGINT NOT NULL,
    started_at BIGINT NOT NULL
);

CREATE TABLE jobs (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    lane TEXT NOT NULL,
    work TEXT NOT NULL,
    state TEXT NOT NULL,
    run_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    node_id TEXT NOT NULL,
    last_error TEXT,
    created_at BIGINT NOT NULL
);
CREATE INDEX jobs_by_node ON jobs (node_id);
-- Nodes that share the database ask for older jobs of a lane; SQLite has one node, whose memory keeps the order.
CREATE INDEX jobs_by_lane ON jobs (lane, id) WHERE lane <> '';
CREATE INDEX jobs_dead ON jobs (workspace_id, created_at) WHERE state = 'dead';

-- Kept as long as what it made.
CREATE TABLE idempotency_keys (
    workspace_id TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    result_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, key)
);
