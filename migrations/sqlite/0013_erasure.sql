-- Erasures of persons. Once one is done its row is the receipt, and says of whom it was only by an id that leads nowhere.
CREATE TABLE erasures (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    contact_id TEXT NOT NULL,
    -- `user:<id>` or `key:<id>`.
    requested_by TEXT NOT NULL,
    requested_at BIGINT NOT NULL,
    -- What is to be done next, how far it has come, and whether for the first or the second time.
    step TEXT NOT NULL,
    reached TEXT NOT NULL,
    pass BIGINT NOT NULL,
    -- JSON: whom it is about, as long as it is under way.
    subject TEXT,
    -- JSON: how many rows of each table.
    counts TEXT NOT NULL,
    finished_at BIGINT
);
CREATE INDEX erasures_by_workspace ON erasures (workspace_id, requested_at);

-- What was erased, or was kept no longer, by hashes of its ids: what a vendor delivers again is not stored again.
CREATE TABLE erased (
    channel_id TEXT NOT NULL,
    hash TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    PRIMARY KEY (channel_id, hash)
) WITHOUT ROWID;

-- Bytes that a row names no more: they are deleted unless another row names them.
CREATE TABLE dropped_files (
    sha256 TEXT NOT NULL PRIMARY KEY,
    dropped_at BIGINT NOT NULL
);
-- What goes with what a key made.
CREATE INDEX idempotency_keys_by_result ON idempotency_keys (result_id);
CREATE INDEX files_by_message ON files (message_id) WHERE message_id IS NOT NULL;

-- What one node does at a time: it is that node's while the node's lease lives.
CREATE TABLE chores (
    name TEXT NOT NULL PRIMARY KEY,
    node_id TEXT NOT NULL
);

-- JSON: after how many days what is forgotten; the defaults left out.
ALTER TABLE workspaces ADD COLUMN retention TEXT NOT NULL DEFAULT '{}';
