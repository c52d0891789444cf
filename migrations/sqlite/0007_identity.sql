-- The people who work here. An email address is lower case, a phone number E.164 with its plus.
CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    email TEXT,
    phone TEXT,
    name TEXT NOT NULL,
    -- Argon2id in its usual notation; NULL: there is none to sign in with.
    password TEXT,
    -- Access tokens that were issued before this time are void.
    tokens_from BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX users_by_email ON users (email) WHERE email IS NOT NULL;
CREATE UNIQUE INDEX users_by_phone ON users (phone) WHERE phone IS NOT NULL;

-- Browsers that are signed in, by the SHA-256 of their token.
CREATE TABLE sessions (
    hash TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    ip TEXT NOT NULL,
    -- What the browser calls itself, cut short.
    client TEXT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_age ON sessions (expires_at);

-- Who belongs to which workspace, and as what.
CREATE TABLE members (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- `owner`, `admin`, `agent` or `viewer`.
    role TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, user_id)
);
CREATE INDEX members_by_user ON members (user_id);

CREATE TABLE invitations (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    email TEXT NOT NULL,
    role TEXT NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    -- Whom it is from, for display.
    invited_by TEXT NOT NULL,
    -- The token itself, sealed, until the mail that carries it has left.
    token TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    accepted_at BIGINT
);
CREATE INDEX invitations_by_workspace ON invitations (workspace_id, created_at);

-- What was done by whom. No workspace: it concerns none.
CREATE TABLE audit (
    id TEXT NOT NULL PRIMARY KEY,
    workspace_id TEXT,
    at BIGINT NOT NULL,
    -- `user:<id>` or `key:<id>`; NULL: nobody known.
    actor TEXT,
    actor_name TEXT,
    action TEXT NOT NULL,
    target TEXT,
    ip TEXT,
    -- JSON: what else is worth knowing.
    detail TEXT NOT NULL
);
CREATE INDEX audit_by_workspace ON audit (workspace_id, at);

-- Codes that sign a phone in: one for a number, whether or not anybody has it.
CREATE TABLE one_time_codes (
    phone TEXT NOT NULL PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    -- Keyed hash of number and code.
    hash TEXT NOT NULL,
    -- The code itself, sealed, until it has left.
    code TEXT,
    tries_left BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX one_time_codes_by_age ON one_time_codes (expires_at);

-- What a key may do: the words of permissions, separated by commas.
ALTER TABLE api_keys ADD COLUMN scopes TEXT NOT NULL DEFAULT 'chat,read,write,manage';
UPDATE api_keys SET scopes = 'chat' WHERE agent_id IS NOT NULL;
-- `user:<id>` or `key:<id>`; NULL: the operator.
ALTER TABLE api_keys ADD COLUMN created_by TEXT;
-- The secret before it, which still counts for a while.
ALTER TABLE api_keys ADD COLUMN old_hash TEXT;
ALTER TABLE api_keys ADD COLUMN old_until BIGINT;
CREATE UNIQUE INDEX api_keys_by_old_hash ON api_keys (old_hash) WHERE old_hash IS NOT NULL;

-- An IANA name.
ALTER TABLE workspaces ADD COLUMN time_zone TEXT NOT NULL DEFAULT 'UTC';
-- JSON: the vendor's authentication template that carries sign-in codes where only a template may go; NULL: none.
ALTER TABLE workspaces ADD COLUMN code_template TEXT;
