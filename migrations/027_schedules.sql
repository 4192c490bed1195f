-- What a schedule has besides its cron, its zone and whether it is on, which are the workflow's; and its fires.

CREATE TABLE workflow_schedules (
  workflow_id UUID PRIMARY KEY REFERENCES workflows(id) ON DELETE CASCADE,
  overlap VARCHAR(10) NOT NULL DEFAULT 'allow' CHECK (overlap IN ('skip', 'queue', 'allow')),
  catch_up VARCHAR(10) NOT NULL DEFAULT 'none' CHECK (catch_up IN ('none', 'last')),
  pause_after_failures INTEGER CHECK (pause_after_failures > 0),
  paused_at TIMESTAMPTZ,
  paused_reason TEXT,
  since TIMESTAMPTZ NOT NULL DEFAULT NOW(),
  accounted_until TIMESTAMPTZ NOT NULL DEFAULT NOW()
);

INSERT INTO workflow_schedules (workflow_id) SELECT id FROM workflows WHERE schedule_cron IS NOT NULL;

-- A run that a schedule started is the record of that fire: one a minute and workflow, whatever arrives twice.
ALTER TABLE workflow_runs ADD COLUMN fire_at TIMESTAMPTZ;
CREATE UNIQUE INDEX idx_workflow_runs_fires ON workflow_runs(workflow_id, fire_at) WHERE fire_at IS NOT NULL;

CREATE INDEX idx_workflows_scheduled ON workflows(id) WHERE schedule_cron IS NOT NULL;
