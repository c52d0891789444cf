-- What the workspace itself knows of a person, beside what the channels say. A phone number is E.164 with its plus, an
-- email address lower case.
ALTER TABLE contacts ADD COLUMN known_as TEXT;
ALTER TABLE contacts ADD COLUMN phone TEXT;
ALTER TABLE contacts ADD COLUMN email TEXT;
-- The person's id in the workspace's own system: what a site signs for its users.
ALTER TABLE contacts ADD COLUMN external_id TEXT;
-- JSON: an object and a list of texts.
ALTER TABLE contacts ADD COLUMN attributes TEXT NOT NULL DEFAULT '{}';
ALTER TABLE contacts ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
CREATE UNIQUE INDEX contacts_by_phone ON contacts (workspace_id, phone) WHERE phone IS NOT NULL;
CREATE UNIQUE INDEX contacts_by_email ON contacts (workspace_id, email) WHERE email IS NOT NULL;
CREATE UNIQUE INDEX contacts_by_external_id ON contacts (workspace_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX contacts_by_workspace ON contacts (workspace_id, created_at) WHERE merged_into IS NULL;

-- The same number or address at several channels.
CREATE INDEX identities_by_value ON identities (workspace_id, kind, value);
CREATE INDEX conversations_by_person ON conversations (contact_id);
CREATE INDEX merges_by_merged ON merges (merged_id);

-- JSON: by which evidence contacts are merged without anybody's hand; the defaults left out.
ALTER TABLE workspaces ADD COLUMN merge_rules TEXT NOT NULL DEFAULT '{}';
