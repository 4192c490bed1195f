-- The address at which a workflow is asked from outside. It is made when a version with a webhook is first saved, and
-- stays while there is the workflow: a webhook that is drawn again has the same address. It is kept readable because it is
-- shown, and who reads this table reads the workflow's runs too.

CREATE TABLE workflow_webhooks (
  workflow_id UUID PRIMARY KEY REFERENCES workflows(id) ON DELETE CASCADE,
  token TEXT NOT NULL UNIQUE DEFAULT replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''),
  is_enabled BOOLEAN NOT NULL DEFAULT TRUE,
  created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
  rotated_at TIMESTAMPTZ
);

-- What a version asks of the requests to it; nothing of one without a webhook.
ALTER TABLE workflow_versions
  ADD COLUMN webhook JSONB;
