-- What a turn of an agent with a real model did and cost. Turns of built-in models leave nothing here.
CREATE TABLE turn_traces (
    -- The turn's job: a turn that runs again after a crash goes on with its row.
    job_id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    conversation_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    model TEXT NOT NULL,
    -- JSON array of the messages that the turn said; NULL: none (yet).
    message_ids TEXT,
    -- JSON of the tools' uses as they are shown: redacted, cut to size.
    calls TEXT NOT NULL,
    -- JSON of what the turn needs to go on after a crash; NULL once it is over.
    journal TEXT,
    input_tokens BIGINT NOT NULL,
    output_tokens BIGINT NOT NULL,
    -- Millionths of the currency; NULL: the price table does not know the model.
    cost_micros BIGINT,
    currency TEXT,
    duration_ms BIGINT NOT NULL,
    -- A stable code; NULL: the turn found its answer.
    error TEXT,
    at BIGINT NOT NULL
);
CREATE INDEX turn_traces_by_conversation ON turn_traces (conversation_id, at);

-- A workspace's own accounts with model providers. `credentials` is the sealed key.
CREATE TABLE providers (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    provider TEXT NOT NULL,
    base_url TEXT,
    credentials TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (workspace_id, provider)
);
