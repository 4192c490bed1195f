-- What a run was given and gave, one row a node result, and the order of the lists.

ALTER TABLE workflows
  ADD COLUMN schedule_timezone VARCHAR(64) NOT NULL DEFAULT 'UTC';

ALTER TABLE workflow_runs
  ADD COLUMN input JSONB NOT NULL DEFAULT '{}',
  ADD COLUMN output JSONB,
  ADD COLUMN trigger VARCHAR(20) NOT NULL DEFAULT 'manual',
  ADD COLUMN triggered_by UUID REFERENCES users(id) ON DELETE SET NULL,
  ADD COLUMN execution_arn TEXT,
  ADD CONSTRAINT workflow_runs_status CHECK
    (status IN ('pending', 'running', 'succeeded', 'failed', 'cancelled', 'timed_out'));

-- One row rewritten by a thousand parallel nodes costs the square of their number, so each node has its own.
CREATE TABLE workflow_run_nodes (
  run_id UUID NOT NULL REFERENCES workflow_runs(id) ON DELETE CASCADE,
  node_id TEXT NOT NULL,
  status VARCHAR(20) NOT NULL CHECK
    (status IN ('running', 'waiting', 'succeeded', 'failed', 'skipped', 'cancelled')),
  started_at TIMESTAMPTZ,
  completed_at TIMESTAMPTZ,
  attempts INTEGER NOT NULL DEFAULT 0,
  output JSONB,
  error JSONB,
  branch TEXT,
  PRIMARY KEY (run_id, node_id)
);

CREATE FUNCTION iso8601(moment TIMESTAMPTZ) RETURNS TEXT LANGUAGE SQL STABLE PARALLEL SAFE
RETURN to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');

-- A node result as the API shows it; of a node that has no row yet, the one that is pending.
CREATE FUNCTION node_result(node workflow_run_nodes) RETURNS JSONB LANGUAGE SQL STABLE PARALLEL SAFE
RETURN jsonb_build_object(
  'status', coalesce((node).status, 'pending'),
  'started_at', iso8601((node).started_at),
  'completed_at', iso8601((node).completed_at),
  'attempts', coalesce((node).attempts, 0),
  'output', (node).output,
  'error', (node).error,
  'branch', (node).branch
);

CREATE INDEX idx_workflows_newest ON workflows(workspace_id, created_at DESC, id DESC);
CREATE INDEX idx_workflow_runs_newest ON workflow_runs(workflow_id, started_at DESC, id DESC);
CREATE INDEX idx_workflow_runs_unfinished ON workflow_runs(started_at) WHERE status IN ('pending', 'running');
