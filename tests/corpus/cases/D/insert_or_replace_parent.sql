-- Case: INSERT OR REPLACE of seed rows into a parent
-- Source: d1-facts §2.1
-- Expect: D103
-- Loses: executions task_results
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
INSERT OR REPLACE INTO workflows (id, status)
VALUES ('w1', 'active'), ('w9', 'draft');
