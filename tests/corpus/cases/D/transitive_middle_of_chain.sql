-- Case: a table that is child and parent is rebuilt: its own children go
-- Source: d1-facts §2.2
-- Expect: D101
-- Loses: task_results
-- == before
CREATE TABLE workflows (
  id TEXT PRIMARY KEY NOT NULL,
  status TEXT NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'active'))
);
CREATE TABLE executions (
  id TEXT PRIMARY KEY NOT NULL,
  workflow_id TEXT NOT NULL REFERENCES workflows(id) ON DELETE CASCADE
);
CREATE TABLE task_results (
  id TEXT PRIMARY KEY NOT NULL,
  execution_id TEXT NOT NULL REFERENCES executions(id) ON DELETE CASCADE,
  output TEXT
);
CREATE INDEX idx_executions_workflow_id ON executions(workflow_id);
CREATE INDEX idx_task_results_execution_id ON task_results(execution_id);
-- == rows
INSERT INTO workflows VALUES ('w1', 'draft'), ('w2', 'active');
INSERT INTO executions VALUES ('e1', 'w1'), ('e2', 'w2');
INSERT INTO task_results VALUES ('t1', 'e1', 'fine'), ('t2', 'e2', NULL);
-- == migration
CREATE TABLE executions_new (
  id TEXT PRIMARY KEY NOT NULL,
  workflow_id TEXT NOT NULL REFERENCES workflows(id) ON DELETE CASCADE,
  started_at INTEGER
);
INSERT INTO executions_new (id, workflow_id) SELECT id, workflow_id FROM executions;
DROP TABLE executions;
ALTER TABLE executions_new RENAME TO executions;
CREATE INDEX idx_executions_workflow_id ON executions(workflow_id);
