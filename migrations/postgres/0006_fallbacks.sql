-- Messages of ours that wait until the conversation's window opens, in order: their ids as JSON, or NULL for none.
ALTER TABLE conversations ADD COLUMN held TEXT;

-- 1 while it waits.
ALTER TABLE messages ADD COLUMN held BIGINT NOT NULL DEFAULT 0;
-- Seconds after which it is said over another channel, unless it has arrived.
ALTER TABLE messages ADD COLUMN fallback_after BIGINT;
-- The message that has not arrived and that this one says again: no message is said again twice.
ALTER TABLE messages ADD COLUMN fallback_of TEXT;
CREATE UNIQUE INDEX messages_by_fallback ON messages (fallback_of) WHERE fallback_of IS NOT NULL;
