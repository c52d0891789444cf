-- Addresses of customers that are told of events.
CREATE TABLE webhook_endpoints (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    url TEXT NOT NULL,
    description TEXT NOT NULL,
    -- JSON: the words of the events that it is told of; an empty list means all.
    events TEXT NOT NULL,
    -- One agent's events only, or NULL. The agent may be gone.
    agent_id TEXT,
    -- Sealed JSON: the signing secrets, the newest first, each with the time until which it signs, or without.
    secrets TEXT NOT NULL,
    -- Deliveries a second.
    rate BIGINT NOT NULL,
    timeout_ms BIGINT NOT NULL,
    state TEXT NOT NULL,
    disabled_reason TEXT,
    -- Every event up to this one has become a delivery where it was wanted.
    event_seq BIGINT NOT NULL,
    -- The node that delivers, while its lease lives.
    node_id TEXT NOT NULL,
    -- Failed attempts in a row, since when, and until when it is therefore left alone.
    failures BIGINT NOT NULL,
    failing_since BIGINT,
    paused_until BIGINT,
    last_success_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX webhook_endpoints_by_workspace ON webhook_endpoints (workspace_id, created_at);

-- What an endpoint is told: one row for an event, whose id is the same in all attempts. `body` is what is sent, byte for
-- byte. A test has no event.
CREATE TABLE webhook_deliveries (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL,
    endpoint_id TEXT NOT NULL REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
    event_seq BIGINT,
    event TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL,
    -- What the next attempt is made for: the event itself, or somebody's wish.
    cause TEXT NOT NULL,
    -- Attempts since the cause.
    attempts BIGINT NOT NULL,
    -- NULL: there is none.
    next_attempt_at BIGINT,
    -- Why it failed.
    reason TEXT,
    created_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE UNIQUE INDEX webhook_deliveries_by_event ON webhook_deliveries (endpoint_id, event_seq);
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (endpoint_id, created_at);
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (endpoint_id, next_attempt_at) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_old ON webhook_deliveries (created_at);

-- What was sent and answered, without secrets.
CREATE TABLE webhook_attempts (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL,
    delivery_id TEXT NOT NULL REFERENCES webhook_deliveries (id) ON DELETE CASCADE,
    cause TEXT NOT NULL,
    at BIGINT NOT NULL,
    request TEXT NOT NULL,
    -- NULL: no answer came, and `error` says why.
    status BIGINT,
    response TEXT NOT NULL,
    error TEXT,
    duration_ms BIGINT NOT NULL
);
CREATE INDEX webhook_attempts_by_delivery ON webhook_attempts (delivery_id, at);
