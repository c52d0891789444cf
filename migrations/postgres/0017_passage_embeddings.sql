-- Where a passage lies in the space of a model of embeddings, as a memory does, and the model. Both NULL: it was not
-- embedded yet.
ALTER TABLE passages ADD COLUMN embedding BYTEA;
ALTER TABLE passages ADD COLUMN embedding_model TEXT;
CREATE INDEX passages_by_agent ON passages (agent_id, embedding_model, id);
