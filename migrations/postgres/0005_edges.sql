-- Who declared the channel: `operator` by a file, `api` through the API. The places that settings of the latter name are
-- called on the public internet only. Channels from before cannot be told apart and stay as they were.
ALTER TABLE channels ADD COLUMN origin TEXT NOT NULL DEFAULT 'operator';
