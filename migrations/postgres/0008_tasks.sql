-- Where the workspace is, for its weather: JSON with `latitude`, `longitude` and perhaps `name`, or NULL.
ALTER TABLE workspaces ADD COLUMN place TEXT;

CREATE TABLE tasks (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    title TEXT NOT NULL,
    description TEXT,
    -- The day as it was said, `YYYY-MM-DD`, and the moment after which it is late.
    due_date TEXT,
    due_at BIGINT,
    priority TEXT NOT NULL,
    status TEXT NOT NULL,
    assignee TEXT,
    contact_id TEXT,
    conversation_id TEXT,
    remind_at BIGINT,
    -- When it was told; NULL: not yet.
    reminded_at BIGINT,
    -- The job that tells it. Another job, or none, tells nothing.
    reminder_job TEXT,
    -- JSON: a list of texts.
    tags TEXT NOT NULL,
    source TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    completed_at BIGINT
);
CREATE INDEX tasks_by_workspace ON tasks (workspace_id, due_at);

CREATE TABLE follow_ups (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    note TEXT NOT NULL,
    status TEXT NOT NULL,
    contact_id TEXT,
    conversation_id TEXT,
    remind_at BIGINT NOT NULL,
    reminded_at BIGINT,
    reminder_job TEXT,
    source TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    completed_at BIGINT
);
CREATE INDEX follow_ups_by_workspace ON follow_ups (workspace_id, remind_at);

-- What was learned.
CREATE TABLE memories (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    contact_id TEXT,
    agent_id TEXT,
    -- Where it was learned; all NULL: somebody said so.
    conversation_id TEXT,
    message_id TEXT,
    source TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX memories_by_workspace ON memories (workspace_id, created_at);
CREATE INDEX memories_by_contact ON memories (contact_id) WHERE contact_id IS NOT NULL;

-- The index over memories and messages; their texts stay where they are. Messages come in behind the event sequence, so
-- that nobody who writes one waits for it.
CREATE TABLE remembered (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    workspace_id TEXT NOT NULL,
    -- `memory` or `message`, and its id.
    kind TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    -- PostgreSQL's full-text search keeps its index in a column.
    terms TSVECTOR NOT NULL,
    UNIQUE (kind, subject_id)
);
CREATE INDEX remembered_index ON remembered USING GIN (terms);

-- Up to which event the messages of a workspace are in the index.
CREATE TABLE remembered_up_to (
    workspace_id TEXT NOT NULL PRIMARY KEY REFERENCES workspaces (id) ON DELETE CASCADE,
    seq BIGINT NOT NULL
);

-- Calendars that are read by their address, which is sealed: whoever has it reads the calendar.
CREATE TABLE calendars (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    name TEXT NOT NULL,
    host TEXT NOT NULL,
    address TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX calendars_by_workspace ON calendars (workspace_id, created_at);
