-- What a run of a version costs at least and at most, as it was told when the version was saved.

ALTER TABLE workflow_versions
  ADD COLUMN certificate JSONB;
