-- What keeps a run from being lost: whether it has a place among those that run, until when it may, which execution
-- runs it, and all that happened to it.

ALTER TABLE workflow_runs
  ADD COLUMN admitted_at TIMESTAMPTZ,
  ADD COLUMN concurrency_limit INTEGER,
  ADD COLUMN timeout_seconds INTEGER,
  ADD COLUMN deadline_at TIMESTAMPTZ,
  ADD COLUMN executions INTEGER NOT NULL DEFAULT 0,
  ADD COLUMN checked_at TIMESTAMPTZ,
  ADD COLUMN is_stopping BOOLEAN NOT NULL DEFAULT FALSE,
  ADD COLUMN retry_of UUID REFERENCES workflow_runs(id) ON DELETE SET NULL,
  ADD COLUMN reused TEXT[],
  ADD COLUMN history JSONB NOT NULL DEFAULT '[]';

UPDATE workflow_runs SET
  checked_at = started_at,
  admitted_at = started_at,
  executions = CASE WHEN execution_arn IS NULL THEN 0
    ELSE coalesce(substring(execution_arn from ':[0-9a-f-]{36}-(\d+)$')::int, 0) + 1 END;

CREATE INDEX idx_workflow_runs_active ON workflow_runs(workspace_id, workflow_id)
  WHERE admitted_at IS NOT NULL AND status IN ('pending', 'running');
CREATE INDEX idx_workflow_runs_unfinished_of ON workflow_runs(workflow_id) WHERE status IN ('pending', 'running');
CREATE INDEX idx_workflow_runs_queued ON workflow_runs(workflow_id, started_at, id)
  WHERE admitted_at IS NULL AND status = 'pending';
CREATE INDEX idx_workflow_runs_deadline ON workflow_runs(deadline_at) WHERE status IN ('pending', 'running');
CREATE INDEX idx_workflow_runs_stopping ON workflow_runs(id) WHERE is_stopping;
CREATE INDEX idx_workflow_runs_retry_of ON workflow_runs(retry_of) WHERE retry_of IS NOT NULL;
CREATE INDEX idx_workflow_runs_completed ON workflow_runs(completed_at) WHERE completed_at IS NOT NULL;

-- Something that happened to a run, as its history keeps it.
CREATE FUNCTION happened(event TEXT, more JSONB) RETURNS JSONB LANGUAGE SQL VOLATILE
RETURN jsonb_build_array(jsonb_build_object('at', iso8601(clock_timestamp()), 'event', event) || jsonb_strip_nulls(more));

-- The place of a queued run among those of its workflow, from 1.
CREATE FUNCTION place_in_queue(the_workflow UUID, accepted_at TIMESTAMPTZ, the_run UUID) RETURNS BIGINT
LANGUAGE SQL STABLE
RETURN (
  SELECT count(*) FROM workflow_runs
  WHERE workflow_id = the_workflow AND status = 'pending' AND admitted_at IS NULL
    AND (started_at, id) <= (accepted_at, the_run));

-- The execution that runs items of a container, and the name of the one that waits for them.
ALTER TABLE workflow_run_gates
  ADD COLUMN waiting_execution TEXT,
  ADD COLUMN items_execution_arn TEXT;

-- started_at is that of the first attempt. An attempt that ended to be made again leaves its node running.
ALTER TABLE workflow_run_nodes
  ADD COLUMN attempt_started_at TIMESTAMPTZ,
  ADD COLUMN attempt_ended_at TIMESTAMPTZ,
  ADD COLUMN earlier_attempts JSONB;
UPDATE workflow_run_nodes SET attempt_started_at = started_at;

-- The latest attempt of a node.
CREATE FUNCTION latest_attempt(node workflow_run_nodes) RETURNS JSONB LANGUAGE SQL STABLE PARALLEL SAFE
RETURN jsonb_build_object(
  'attempt', (node).attempts,
  'status', CASE WHEN (node).attempt_ended_at IS NULL THEN (node).status ELSE 'failed' END,
  'started_at', iso8601((node).attempt_started_at),
  'completed_at', iso8601(coalesce((node).attempt_ended_at, (node).completed_at)),
  'error', (node).error
);

-- All attempts before a new one; one that was never told how it ended had a worker that died.
CREATE FUNCTION attempts_before(node workflow_run_nodes) RETURNS JSONB LANGUAGE SQL STABLE PARALLEL SAFE
RETURN coalesce((node).earlier_attempts, '[]') || jsonb_build_array(
  latest_attempt(node) || CASE WHEN (node).status = 'running' AND (node).attempt_ended_at IS NULL
    THEN '{"status": "lost", "error": {"code": "worker_died", "message": "its worker died without an answer"}}'::jsonb
    ELSE '{}'::jsonb END
);

CREATE OR REPLACE FUNCTION node_result(node workflow_run_nodes) RETURNS JSONB LANGUAGE SQL STABLE PARALLEL SAFE
RETURN jsonb_build_object(
  'status', coalesce((node).status, 'pending'),
  'started_at', iso8601((node).started_at),
  'completed_at', iso8601((node).completed_at),
  'attempts', coalesce((node).attempts, 0),
  'output', (node).output,
  'error', (node).error,
  'branch', (node).branch,
  'history', CASE WHEN (node).attempts > 0
    THEN coalesce((node).earlier_attempts, '[]') || jsonb_build_array(latest_attempt(node)) ELSE '[]' END
);
