-- When the conversation was opened the last time, and since when it is settled; null: it is not.
ALTER TABLE conversations ADD COLUMN opened_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN closed_at BIGINT;
-- The end of the window of which was told that it has come.
ALTER TABLE conversations ADD COLUMN told_window BIGINT;
-- What has begun before is not told late.
UPDATE conversations SET opened_at = created_at, told_window = window_expires_at;
-- How often conversations are closed is counted by the time; such events are few among many.
CREATE INDEX events_closed ON events (workspace_id, at) WHERE kind = 'conversation.closed';
CREATE INDEX conversations_window_due ON conversations (window_expires_at) WHERE told_window IS NULL OR told_window < window_expires_at;
