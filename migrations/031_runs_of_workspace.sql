-- The runs of all workflows of a workspace in one list.

CREATE INDEX idx_workflow_runs_of_workspace ON workflow_runs(workspace_id, started_at DESC, id DESC);

-- A run as lists show it: without what may be large.
CREATE VIEW listed_runs AS
SELECT
  id, workflow_id, workspace_id, version, status, trigger, triggered_by, started_at, completed_at,
  left(error_message, 1000) || CASE WHEN length(error_message) > 1000 THEN '… (cut)' ELSE '' END AS error_message,
  CASE WHEN status = 'pending' AND admitted_at IS NULL
    THEN place_in_queue(workflow_id, started_at, id) END AS queue_position,
  retry_of, parent_run_id
FROM workflow_runs;
