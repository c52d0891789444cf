-- What a workspace uses, by day, agent, channel and model; written in the transaction of its cause.
CREATE TABLE usage_days (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id),
    -- Days since 1970-01-01, in UTC.
    day BIGINT NOT NULL,
    -- Of the conversation, or of the turn; empty: there was none.
    agent_id TEXT NOT NULL,
    channel_id TEXT NOT NULL,
    -- Of a turn; empty: what has none, which messages have not.
    model TEXT NOT NULL,
    -- Of the cost; empty: the price table does not know the model, or nothing has a price.
    currency TEXT NOT NULL,
    messages_in BIGINT NOT NULL DEFAULT 0,
    messages_out BIGINT NOT NULL DEFAULT 0,
    -- Turns with a real model.
    turns BIGINT NOT NULL DEFAULT 0,
    input_tokens BIGINT NOT NULL DEFAULT 0,
    output_tokens BIGINT NOT NULL DEFAULT 0,
    -- Those of both that were spent on the installation's own account.
    hosted_tokens BIGINT NOT NULL DEFAULT 0,
    -- Millionths of the currency.
    cost_micros BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (workspace_id, day, agent_id, channel_id, model, currency)
) WITHOUT ROWID;

-- What was there before is counted now. Nobody knows any more whose account it was spent on.
INSERT INTO usage_days (workspace_id, day, agent_id, channel_id, model, currency, messages_in, messages_out)
SELECT m.workspace_id, m.created_at / 86400000, COALESCE(c.agent_id, ''), m.channel_id, '', '',
    SUM(CASE WHEN m.direction = 'inbound' THEN 1 ELSE 0 END), SUM(CASE WHEN m.direction = 'outbound' THEN 1 ELSE 0 END)
FROM messages AS m JOIN conversations AS c ON c.id = m.conversation_id
GROUP BY m.workspace_id, m.created_at / 86400000, COALESCE(c.agent_id, ''), m.channel_id;
INSERT INTO usage_days (workspace_id, day, agent_id, channel_id, model, currency, turns, input_tokens, output_tokens, cost_micros)
SELECT t.workspace_id, t.at / 86400000, t.agent_id, COALESCE(c.channel_id, ''), t.model, COALESCE(t.currency, ''),
    COUNT(*), SUM(t.input_tokens), SUM(t.output_tokens), COALESCE(SUM(t.cost_micros), 0)
FROM turn_traces AS t LEFT JOIN conversations AS c ON c.id = t.conversation_id
GROUP BY t.workspace_id, t.at / 86400000, t.agent_id, COALESCE(c.channel_id, ''), t.model, COALESCE(t.currency, '');

-- JSON of what each model of the turn used, as it stands in usage_days; NULL: the turn does not stand there yet.
ALTER TABLE turn_traces ADD COLUMN spent TEXT;
UPDATE turn_traces SET spent = '[]';

-- The key's own limit; NULL: none but its plan's.
ALTER TABLE api_keys ADD COLUMN requests_per_minute BIGINT;
