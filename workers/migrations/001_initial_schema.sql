-- Migration: 001_initial_schema
-- Description: Workflows, their executions, and the result of every task
-- Created: 2026-11-22

CREATE TABLE IF NOT EXISTS workflows (
  id TEXT PRIMARY KEY NOT NULL,
  name TEXT NOT NULL,
  description TEXT,
  status TEXT NOT NULL DEFAULT 'draft'
    CHECK (status IN ('draft', 'active', 'paused', 'completed', 'failed')),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS executions (
  id TEXT PRIMARY KEY NOT NULL,
  workflow_id TEXT NOT NULL REFERENCES workflows(id) ON DELETE CASCADE,
  status TEXT NOT NULL DEFAULT 'pending'
    CHECK (status IN ('pending', 'running', 'completed', 'failed')),
  started_at INTEGER,
  completed_at INTEGER,
  error TEXT
);

CREATE TABLE IF NOT EXISTS task_results (
  id TEXT PRIMARY KEY NOT NULL,
  execution_id TEXT NOT NULL REFERENCES executions(id) ON DELETE CASCADE,
  task_id TEXT NOT NULL,
  task_name TEXT NOT NULL,
  agent_id TEXT,
  status TEXT NOT NULL DEFAULT 'pending'
    CHECK (status IN ('pending', 'running', 'completed', 'failed', 'skipped')),
  output TEXT,
  error TEXT,
  started_at INTEGER,
  completed_at INTEGER,
  retry_count INTEGER NOT NULL DEFAULT 0
);

-- Which migrations this database has. d1migrate creates it in this very shape; it stands here so that this
-- file also runs by itself, with `wrangler d1 execute --file`.
CREATE TABLE IF NOT EXISTS schema_migrations (
  version INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  applied_at INTEGER NOT NULL
);

CREATE INDEX IF NOT EXISTS idx_workflows_status ON workflows(status);
CREATE INDEX IF NOT EXISTS idx_executions_workflow_id ON executions(workflow_id);
CREATE INDEX IF NOT EXISTS idx_executions_status ON executions(status);
CREATE INDEX IF NOT EXISTS idx_task_results_execution_id ON task_results(execution_id);
CREATE INDEX IF NOT EXISTS idx_task_results_status ON task_results(status);

-- Record migration
INSERT INTO schema_migrations (version, name, applied_at)
VALUES (1, '001_initial_schema', strftime('%s', 'now'))
ON CONFLICT(version) DO NOTHING;

-- Rollback:
--   DROP TABLE IF EXISTS task_results;
--   DROP TABLE IF EXISTS executions;
--   DROP TABLE IF EXISTS workflows;
