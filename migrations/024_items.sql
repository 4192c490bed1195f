-- Containers run what they hold once an item: results have the item's path ('3/' is the fourth item, '3/0/' the first
-- one of a container in it), and each item has a row.

ALTER TABLE workflow_run_nodes
  ADD COLUMN path TEXT NOT NULL DEFAULT '',
  DROP CONSTRAINT workflow_run_nodes_pkey,
  ADD PRIMARY KEY (run_id, path, node_id);

CREATE INDEX idx_workflow_run_nodes_of_items ON workflow_run_nodes(run_id, node_id) WHERE path <> '';

ALTER TABLE workflow_run_gates
  ADD COLUMN path TEXT NOT NULL DEFAULT '',
  DROP CONSTRAINT workflow_run_gates_pkey,
  ADD PRIMARY KEY (run_id, path, gate);

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

-- The results of one node in all items: what most needs to be seen first, and how often there is what.
CREATE FUNCTION node_result_of_items(the_run UUID, the_node TEXT, its_container TEXT, is_final BOOLEAN)
RETURNS JSONB LANGUAGE SQL STABLE
RETURN (
  SELECT jsonb_build_object(
    'status', CASE
      WHEN bool_or(status = 'running') THEN 'running'
      WHEN bool_or(status = 'waiting') THEN 'waiting'
      WHEN count(*) = 0 AND is_final THEN 'skipped'
      WHEN count(*) = 0 THEN 'pending'
      WHEN NOT is_final AND EXISTS (
        SELECT FROM workflow_run_nodes c
        WHERE c.run_id = the_run AND c.node_id = its_container AND c.status = 'running') THEN 'running'
      WHEN bool_or(status = 'failed') THEN 'failed'
      WHEN bool_or(status = 'cancelled') THEN 'cancelled'
      WHEN bool_or(status = 'succeeded') THEN 'succeeded'
      ELSE 'skipped' END,
    'started_at', iso8601(min(started_at)),
    'completed_at', CASE WHEN bool_and(completed_at IS NOT NULL) THEN iso8601(max(completed_at)) END,
    'attempts', coalesce(sum(attempts), 0),
    'output', NULL,
    'error', (array_agg(error ORDER BY completed_at) FILTER (WHERE status = 'failed'))[1],
    'branch', NULL,
    'items', jsonb_build_object(
      'running', count(*) FILTER (WHERE status = 'running'),
      'waiting', count(*) FILTER (WHERE status = 'waiting'),
      'succeeded', count(*) FILTER (WHERE status = 'succeeded'),
      'failed', count(*) FILTER (WHERE status = 'failed'),
      'skipped', count(*) FILTER (WHERE status = 'skipped'),
      'cancelled', count(*) FILTER (WHERE status = 'cancelled')))
  FROM workflow_run_nodes WHERE run_id = the_run AND node_id = the_node AND path <> ''
);

-- The results of all drawn nodes of a run as they are now, or, of a run that is final, will stay.
CREATE FUNCTION run_node_results(the_run UUID, is_final BOOLEAN) RETURNS JSONB LANGUAGE SQL STABLE
RETURN (
  SELECT coalesce(jsonb_object_agg(
    drawn.node ->> 'id',
    CASE WHEN drawn.node ->> 'parentId' IS NULL THEN node_result(n)
    ELSE node_result_of_items(r.id, drawn.node ->> 'id', drawn.node ->> 'parentId', is_final) END), '{}')
  FROM workflow_runs r
  JOIN workflow_versions v ON v.workflow_id = r.workflow_id AND v.version = r.version
  CROSS JOIN LATERAL jsonb_array_elements(v.graph_definition -> 'nodes') AS drawn(node)
  LEFT JOIN workflow_run_nodes n ON n.run_id = r.id AND n.path = '' AND n.node_id = drawn.node ->> 'id'
  WHERE r.id = the_run
);
