-- JSON: what a delivery's body alone does not say, or NULL.
ALTER TABLE deliveries ADD COLUMN envelope TEXT;

-- JSON: the content that was sent in the place of what was asked for, where the channel could not carry that as it was.
ALTER TABLE messages ADD COLUMN rendering TEXT;

-- Where a channel has threads a person has many conversations: the first message's id; empty elsewhere.
ALTER TABLE conversations ADD COLUMN thread TEXT NOT NULL DEFAULT '';
-- The thread's subject.
ALTER TABLE conversations ADD COLUMN subject TEXT;
DROP INDEX conversations_by_contact;
CREATE UNIQUE INDEX conversations_by_contact ON conversations (channel_id, contact_id, thread);

-- Addresses to which nothing is sent: their owner said stop, or they do not exist.
CREATE TABLE suppressions (
    channel_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    -- A stable word: `OPTED_OUT`, `RECIPIENT_UNREACHABLE`, `RECIPIENT_COMPLAINED`.
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (channel_id, kind, value)
);

-- One person, several contacts: a contact that was merged points at the one that stands for both, and keeps what is its
-- own, so that the merge can be undone.
ALTER TABLE contacts ADD COLUMN merged_into TEXT;
CREATE INDEX contacts_by_merge ON contacts (merged_into) WHERE merged_into IS NOT NULL;

-- Who was merged, why and by whom.
CREATE TABLE merges (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL,
    kept_id TEXT NOT NULL,
    merged_id TEXT NOT NULL,
    -- A sentence: what proves that they are one, or who said so.
    evidence TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    undone_at BIGINT
);
CREATE INDEX merges_by_workspace ON merges (workspace_id, created_at);
