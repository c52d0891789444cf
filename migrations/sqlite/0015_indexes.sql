-- Deliveries that wait for somebody are few among many: looked for by a constant, which the old index did not serve.
DROP INDEX deliveries_unfinished;
CREATE INDEX deliveries_pending ON deliveries (received_at, id) WHERE outcome = 'pending';
-- In the order in which a message's revisions are read, so that it is taken for no worse than all of a channel's.
DROP INDEX revisions_by_target;
CREATE INDEX revisions_by_target ON revisions (channel_id, target, at, id);
-- What is older than its time is found by its age.
CREATE INDEX messages_by_age ON messages (workspace_id, created_at);
CREATE INDEX exchanges_by_age ON exchanges (workspace_id, at);
CREATE INDEX turn_traces_by_age ON turn_traces (workspace_id, at);
CREATE INDEX documents_by_file ON documents (file_id) WHERE file_id IS NOT NULL;
