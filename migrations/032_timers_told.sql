-- Why the timers of a schedule could not be brought in line the last time; NULL where they could.
ALTER TABLE workflow_schedules ADD COLUMN sync_problem TEXT;

-- A run is the record of its fire, and runs are deleted when they are old. What is deleted must not fire again, however
-- late an event comes twice: nothing up to the latest deleted fire starts a run any more.
CREATE FUNCTION keep_fires_of_deleted_runs() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  UPDATE workflow_schedules s SET since = greatest(s.since, deleted.fire_at)
  FROM (
    SELECT workflow_id, max(fire_at) AS fire_at FROM old_runs WHERE fire_at IS NOT NULL GROUP BY workflow_id
  ) deleted
  WHERE s.workflow_id = deleted.workflow_id;
  RETURN NULL;
END
$$;

CREATE TRIGGER fires_of_deleted_runs AFTER DELETE ON workflow_runs
  REFERENCING OLD TABLE AS old_runs
  FOR EACH STATEMENT EXECUTE FUNCTION keep_fires_of_deleted_runs();
