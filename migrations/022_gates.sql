-- Gates that are closed: a branch of a state machine that waits for nodes of another one.

CREATE TABLE workflow_run_gates (
  run_id UUID NOT NULL REFERENCES workflow_runs(id) ON DELETE CASCADE,
  gate TEXT NOT NULL,
  token TEXT NOT NULL,
  nodes TEXT[] NOT NULL,
  PRIMARY KEY (run_id, gate)
);
