-- Runs that a node of another run started and waits for, and gates that wait for the answer to a node.

ALTER TABLE workflow_runs
  ADD COLUMN parent_run_id UUID REFERENCES workflow_runs(id) ON DELETE SET NULL,
  ADD COLUMN parent_path TEXT,
  ADD COLUMN parent_node_id TEXT;

CREATE UNIQUE INDEX idx_workflow_runs_parent ON workflow_runs(parent_run_id, parent_path, parent_node_id)
  WHERE parent_run_id IS NOT NULL;
CREATE INDEX idx_workflow_runs_unfinished_children ON workflow_runs(parent_run_id)
  WHERE parent_run_id IS NOT NULL AND status IN ('pending', 'running');

ALTER TABLE workflow_run_gates ADD COLUMN answers TEXT;

-- What waits for someone to decide says what may be decided.
CREATE INDEX idx_workflow_run_nodes_decisions ON workflow_run_nodes(run_id)
  WHERE status = 'waiting' AND output ? 'decisions';
