-- Where a memory lies in the space of a model of embeddings: 32-bit floating-point numbers, little-endian, of length 1
-- together; and the model. Both NULL: it was not embedded yet, or its text is another by now.
ALTER TABLE memories ADD COLUMN embedding BYTEA;
ALTER TABLE memories ADD COLUMN embedding_model TEXT;
