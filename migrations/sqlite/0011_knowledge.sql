-- 0: the agent does not answer.
ALTER TABLE agents ADD COLUMN is_active BIGINT NOT NULL DEFAULT 1;

-- Where a document's text comes from: `text` (handed in as it is), `file` (a kept file) or `url`.
ALTER TABLE documents ADD COLUMN origin TEXT NOT NULL DEFAULT 'text';
-- The kept file of a `file`.
ALTER TABLE documents ADD COLUMN file_id TEXT;
-- The address of a `url`.
ALTER TABLE documents ADD COLUMN url TEXT;
-- `pending`: to be read; `ready`; `failed`: could not be read, and `reason` says why. What was read before stays known.
ALTER TABLE documents ADD COLUMN state TEXT NOT NULL DEFAULT 'ready';
ALTER TABLE documents ADD COLUMN reason TEXT;
-- The newest wish to read it; an older one that ends late changes nothing.
ALTER TABLE documents ADD COLUMN revision TEXT NOT NULL DEFAULT '';
ALTER TABLE documents ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;

-- People who asked to be contacted, with what they said of themselves. Nobody has verified it.
CREATE TABLE leads (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    agent_id TEXT,
    contact_id TEXT,
    conversation_id TEXT,
    session_id TEXT,
    contact_name TEXT,
    contact_email TEXT,
    contact_phone TEXT,
    -- Through what they came: `api`, `widget`, `agent`, or a word of the caller's.
    source TEXT NOT NULL,
    notes TEXT,
    status TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX leads_by_workspace ON leads (workspace_id, created_at);
