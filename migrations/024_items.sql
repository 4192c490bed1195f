-- Containers run what they hold once an item: results have the item's path ('3/' is the fourth item, '3/0/' the first
-- one of a container in it), and each item has a row.

ALTER TABLE workflow_run_nodes
  ADD COLUMN path TEXT NOT NULL DEFAULT '',
  DROP CONSTRAINT workflow_run_nodes_pkey,
  ADD PRIMARY KEY (run_id, path, node_id);

CREATE INDEX idx_workflow_run_nodes_of_items ON workflow_run_nodes(run_id, node_id) WHERE path <> '';

-- Items of two containers may have the same path.
ALTER TABLE workflow_run_gates
  ADD COLUMN path TEXT NOT NULL DEFAULT '',
  ADD COLUMN container TEXT NOT NULL DEFAULT '',
  DROP CONSTRAINT workflow_run_gates_pkey,
  ADD PRIMARY KEY (run_id, path, container, gate);

CREATE TABLE workflow_run_items (
  run_id UUID NOT NULL REFERENCES workflow_runs(id) ON DELETE CASCADE,
  node_id TEXT NOT NULL,
  scope TEXT NOT NULL,
  position INTEGER NOT NULL,
  item JSONB,
  status VARCHAR(20) NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'succeeded', 'failed', 'cancelled')),
  output JSONB,
  error JSONB,
  PRIMARY KEY (run_id, node_id, scope, position)
);

-- What a run or an item gives: the output of the node that ended it, or those of all that did, by their ids.
CREATE FUNCTION joined_output(the_run UUID, the_path TEXT, ends TEXT[]) RETURNS JSONB LANGUAGE SQL STABLE
RETURN CASE cardinality(ends)
  WHEN 0 THEN NULL
  WHEN 1 THEN (SELECT n.output FROM workflow_run_nodes n
               WHERE n.run_id = the_run AND n.path = the_path AND n.node_id = ends[1])
  ELSE (SELECT jsonb_object_agg(n.node_id, n.output) FROM workflow_run_nodes n
        WHERE n.run_id = the_run AND n.path = the_path AND n.node_id = ANY(ends)) END;

-- The results of one node in all items: what most needs to be seen first, and how often there is what. Where there is
-- none, its container and the run tell whether one may come, or it was passed by, or cut off.
CREATE FUNCTION node_result_of_items(the_run UUID, the_node TEXT, its_container TEXT, run_status TEXT)
RETURNS JSONB LANGUAGE SQL STABLE
RETURN (
  WITH found AS (
    SELECT
      count(*) AS total,
      count(*) FILTER (WHERE status = 'running') AS running,
      count(*) FILTER (WHERE status = 'waiting') AS waiting,
      count(*) FILTER (WHERE status = 'succeeded') AS succeeded,
      count(*) FILTER (WHERE status = 'failed') AS failed,
      count(*) FILTER (WHERE status = 'skipped') AS skipped,
      count(*) FILTER (WHERE status = 'cancelled') AS cancelled,
      min(started_at) AS started_at,
      CASE WHEN bool_and(completed_at IS NOT NULL) THEN max(completed_at) END AS completed_at,
      coalesce(sum(attempts), 0) AS attempts,
      (array_agg(error ORDER BY completed_at) FILTER (WHERE status = 'failed'))[1] AS error
    FROM workflow_run_nodes WHERE run_id = the_run AND node_id = the_node AND path <> ''
  ), container AS (
    SELECT
      count(*) > 0 AS is_known,
      coalesce(bool_or(status = 'running'), FALSE) AS is_running,
      coalesce(bool_or(status = 'cancelled'), FALSE) OR EXISTS (
        SELECT FROM workflow_run_items i
        WHERE i.run_id = the_run AND i.node_id = its_container AND i.status = 'cancelled') AS was_cut_off
    FROM workflow_run_nodes WHERE run_id = the_run AND node_id = its_container
  )
  SELECT jsonb_build_object(
    'status', CASE
      WHEN running > 0 THEN 'running'
      WHEN waiting > 0 THEN 'waiting'
      WHEN is_running AND total > 0 THEN 'running'
      WHEN is_running THEN 'pending'
      WHEN failed > 0 THEN 'failed'
      WHEN cancelled > 0 OR was_cut_off THEN 'cancelled'
      WHEN succeeded > 0 THEN 'succeeded'
      WHEN total > 0 OR is_known OR run_status = 'succeeded' THEN 'skipped'
      WHEN run_status IN ('pending', 'running') THEN 'pending'
      ELSE 'cancelled' END,
    'started_at', iso8601(started_at),
    'completed_at', iso8601(completed_at),
    'attempts', attempts,
    'output', NULL,
    'error', error,
    'branch', NULL,
    'items', jsonb_build_object(
      'running', running, 'waiting', waiting, 'succeeded', succeeded,
      'failed', failed, 'skipped', skipped, 'cancelled', cancelled))
  FROM found, container
);

-- The results of all drawn nodes of a run that has this status, or is about to have it.
CREATE FUNCTION run_node_results(the_run UUID, run_status TEXT) RETURNS JSONB LANGUAGE SQL STABLE
RETURN (
  SELECT coalesce(jsonb_object_agg(
    drawn.node ->> 'id',
    CASE WHEN drawn.node ->> 'parentId' IS NULL THEN node_result(n)
    ELSE node_result_of_items(r.id, drawn.node ->> 'id', drawn.node ->> 'parentId', run_status) END), '{}')
  FROM workflow_runs r
  JOIN workflow_versions v ON v.workflow_id = r.workflow_id AND v.version = r.version
  CROSS JOIN LATERAL jsonb_array_elements(v.graph_definition -> 'nodes') AS drawn(node)
  LEFT JOIN workflow_run_nodes n ON n.run_id = r.id AND n.path = '' AND n.node_id = drawn.node ->> 'id'
  WHERE r.id = the_run
);
