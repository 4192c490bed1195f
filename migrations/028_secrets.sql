-- Secrets by name. A value is in Secrets Manager alone, and has its row here from before it is stored until it is gone:
-- none is ever forgotten there. So a row outlives its workspace, until its value was deleted.

CREATE TABLE workspace_secrets (
  id UUID NOT NULL UNIQUE DEFAULT gen_random_uuid(),
  workspace_id UUID NOT NULL,
  name VARCHAR(64) NOT NULL,
  created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
  created_by UUID REFERENCES users(id) ON DELETE SET NULL,
  updated_at TIMESTAMPTZ,
  updated_by UUID REFERENCES users(id) ON DELETE SET NULL,
  PRIMARY KEY (workspace_id, name)
);

CREATE INDEX idx_workspace_secrets_newest ON workspace_secrets(workspace_id, created_at DESC, id DESC);

-- The secrets that a version takes, each with the ids of the nodes that do.
ALTER TABLE workflow_versions
  ADD COLUMN secrets JSONB NOT NULL DEFAULT '{}';
