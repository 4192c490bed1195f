-- A caller that repeats a request with the same key gets the same run.

ALTER TABLE workflow_runs
  ADD COLUMN idempotency_key VARCHAR(255),
  ADD COLUMN request_hash VARCHAR(64);

CREATE UNIQUE INDEX idx_workflow_runs_idempotency
  ON workflow_runs(workflow_id, idempotency_key) WHERE idempotency_key IS NOT NULL;
