-- The vendors' message templates, as they listed them last.
CREATE TABLE message_templates (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    channel_id TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    -- The vendor's id, where it tells one.
    provider_id TEXT,
    -- By what a send names it.
    name TEXT NOT NULL,
    language TEXT NOT NULL,
    -- The vendor's words; NULL: it says none.
    category TEXT,
    status TEXT NOT NULL,
    -- Why it was rejected, paused or disabled.
    reason TEXT,
    -- JSON: the vendor's objects.
    components TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- When the vendor last said all this.
    synced_at BIGINT NOT NULL,
    UNIQUE (channel_id, name, language)
);
CREATE INDEX message_templates_by_workspace ON message_templates (workspace_id, name, language);

-- When the vendor's list was last read; NULL: never, or it has changed since.
ALTER TABLE channels ADD COLUMN templates_at BIGINT;

-- How often agents hand over is counted by the time; such events are few among many.
CREATE INDEX events_handed_over ON events (workspace_id, at) WHERE kind = 'agent.handed_over';
