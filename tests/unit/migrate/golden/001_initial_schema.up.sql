-- 001_initial_schema

CREATE TABLE IF NOT EXISTS schema_migrations (
  version INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  applied_at INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS d1migrate_log (
  id INTEGER PRIMARY KEY,
  token TEXT NOT NULL,
  event TEXT NOT NULL,
  action TEXT NOT NULL,
  version INTEGER,
  name TEXT NOT NULL,
  checksum TEXT,
  who TEXT NOT NULL,
  tool TEXT NOT NULL,
  at INTEGER NOT NULL,
  restore_point TEXT,
  detail TEXT,
  rollback_digest TEXT,
  rollback_sql TEXT,
  format INTEGER,
  file_digest TEXT
);

-- ?1 = '1'
-- ?2 = '0 0 0 0 '
SELECT json_extract('{}', iif(EXISTS (SELECT 1 FROM schema_migrations WHERE version = ?1), 'already applied: ' || ?1, 'history changed meanwhile')) WHERE EXISTS (SELECT 1 FROM schema_migrations WHERE version = ?1) OR (SELECT count(*) FROM schema_migrations) || ' ' || (SELECT coalesce(sum(version & 4294967295), 0) || ' ' || coalesce(sum((version & 4294967295) % 65521 * ((version & 4294967295) % 65519)), 0) FROM schema_migrations) || ' ' || EXISTS (SELECT 1 FROM pragma_index_list('d1_migrations')) || ' ' || coalesce((SELECT token FROM d1migrate_log ORDER BY id DESC LIMIT 1), '') <> ?2;

-- ?1 = 'token-1'
-- ?2 = 'begun'
-- ?3 = 'up'
-- ?4 = '1'
-- ?5 = '001_initial_schema'
-- ?6 = 'v1:5d6814759102fc3207d65257eb2353e932f9fabd77219a2146e359d4349ad74c'
-- ?7 = 'f4c7327ae1c0719ba4fc2078547df0e0c86bbd2c871509913e98df2d24ff3292'
-- ?8 = 'ada'
-- ?9 = 'd1migrate'
-- ?10 = '1795300000'
-- ?11 = '{"lint": false}'
-- ?12 = '1'
INSERT INTO d1migrate_log (token, event, action, version, name, checksum, rollback_digest, who, tool, at, detail, format) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

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

INSERT INTO schema_migrations (version, name, applied_at)
VALUES (1, '001_initial_schema', strftime('%s', 'now'))
ON CONFLICT(version) DO NOTHING;

-- ?1 = '1'
-- ?2 = '001_initial_schema'
-- ?3 = '1795300000'
INSERT INTO schema_migrations (version, name, applied_at) VALUES (?1, ?2, ?3) ON CONFLICT (version) DO NOTHING;

-- ?1 = '1 1 1 0 token-1'
SELECT json_extract('{}', 'history not as planned; applied are ' || (SELECT coalesce(group_concat(version), '') FROM (SELECT version FROM schema_migrations ORDER BY version DESC LIMIT 50))) WHERE (SELECT count(*) FROM schema_migrations) || ' ' || (SELECT coalesce(sum(version & 4294967295), 0) || ' ' || coalesce(sum((version & 4294967295) % 65521 * ((version & 4294967295) % 65519)), 0) FROM schema_migrations) || ' ' || EXISTS (SELECT 1 FROM pragma_index_list('d1_migrations')) || ' ' || coalesce((SELECT token FROM d1migrate_log ORDER BY id DESC LIMIT 1), '') <> ?1;

-- ?1 = 'token-1'
-- ?2 = 'done'
-- ?3 = 'up'
-- ?4 = '1'
-- ?5 = '001_initial_schema'
-- ?6 = 'v1:5d6814759102fc3207d65257eb2353e932f9fabd77219a2146e359d4349ad74c'
-- ?7 = '
--   DROP TABLE IF EXISTS task_results;
--   DROP TABLE IF EXISTS executions;
--   DROP TABLE IF EXISTS workflows;'
-- ?8 = 'f4c7327ae1c0719ba4fc2078547df0e0c86bbd2c871509913e98df2d24ff3292'
-- ?9 = 'ada'
-- ?10 = 'd1migrate'
-- ?11 = '1795300000'
-- ?12 = '{"lint": false}'
-- ?13 = '1'
-- ?14 = '057d06bf2dd9909b09f25d23a4ed4ec77ae6ee798b04b28b994ab1e2032cf150'
INSERT INTO d1migrate_log (token, event, action, version, name, checksum, rollback_sql, rollback_digest, who, tool, at, detail, format, file_digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);
