-- Case: a guard on the child is a guard of the grandchild
-- Source: d1-facts §2.3
-- Expect:
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
PRAGMA defer_foreign_keys = ON;
CREATE TABLE hold AS SELECT id, status FROM workflows;
CREATE TRIGGER guard BEFORE DELETE ON executions BEGIN SELECT RAISE(IGNORE); END;
DROP TABLE workflows;
CREATE TABLE workflows (
  id TEXT PRIMARY KEY NOT NULL,
  status TEXT NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'active', 'paused'))
);
INSERT INTO workflows (id, status) SELECT id, status FROM hold;
DROP TRIGGER guard;
DROP TABLE hold;
