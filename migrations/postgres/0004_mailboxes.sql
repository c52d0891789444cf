-- How far each mailbox has been read, and which node looks into it.
CREATE TABLE mailboxes (
    channel_id TEXT NOT NULL PRIMARY KEY REFERENCES channels (id) ON DELETE CASCADE,
    -- It is this node's while the node's lease lives.
    node_id TEXT NOT NULL,
    -- SHA-256 of server, user and folder; empty: nothing was read yet.
    folder TEXT NOT NULL,
    -- The server's word for its numbering of mails; `last_uid` means nothing in another folder or under another word.
    uid_validity BIGINT NOT NULL,
    last_uid BIGINT NOT NULL,
    -- Everything that the server got before this is read.
    read_until BIGINT NOT NULL
);

-- Proofs that may be used once only, as long as they are fresh.
CREATE TABLE used_tokens (
    channel_id TEXT NOT NULL,
    token TEXT NOT NULL,
    used_at BIGINT NOT NULL,
    PRIMARY KEY (channel_id, token)
);
CREATE INDEX used_tokens_by_age ON used_tokens (used_at);
