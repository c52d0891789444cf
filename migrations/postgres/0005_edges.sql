-- Who declared the channel: `operator` by a file, `api` through the API. The places that settings of the latter name are
-- called on the public internet only. Channels from before cannot be told apart and stay as they were.
ALTER TABLE channels ADD COLUMN origin TEXT NOT NULL DEFAULT 'operator';

-- Mails that another one has named before they came, and the conversation that the other one began.
CREATE TABLE awaited_mails (
    channel_id TEXT NOT NULL,
    provider_id TEXT NOT NULL,
    conversation_id TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    named_at BIGINT NOT NULL,
    PRIMARY KEY (channel_id, provider_id, conversation_id)
);
CREATE INDEX awaited_mails_by_age ON awaited_mails (named_at);
