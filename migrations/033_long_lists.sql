-- Queues, histories and containers of many thousands are read without walking them.

-- The first run of each workflow that waits, those first that a node of another run started.
CREATE INDEX idx_workflow_runs_turns ON workflow_runs((parent_run_id IS NULL), workflow_id, started_at, id)
  WHERE admitted_at IS NULL AND status = 'pending';

-- A list by status, of which there may be few among many.
CREATE INDEX idx_workflow_runs_by_status ON workflow_runs(workflow_id, status, started_at DESC, id DESC);
CREATE INDEX idx_workflow_runs_of_workspace_by_status ON workflow_runs(workspace_id, status, started_at DESC, id DESC);

-- Items in the order in which they are listed.
CREATE INDEX idx_workflow_run_items_by_path
  ON workflow_run_items(run_id, node_id, (string_to_array(scope || position::text, '/')::int[]));

-- It counted the queue for each run that it showed.
DROP VIEW listed_runs;
