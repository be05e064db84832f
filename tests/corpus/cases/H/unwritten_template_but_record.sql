-- Case: the file that `new` writes in a folder whose files record themselves, not filled in
-- Source: -
-- Expect: H115
-- == before
CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL);
CREATE TABLE a (id INTEGER PRIMARY KEY);
-- == migration
-- Write the change here, e.g.
--   CREATE TABLE IF NOT EXISTS teams (
--     id TEXT PRIMARY KEY NOT NULL
--   );

-- Record migration
INSERT INTO schema_migrations (version, name, applied_at) VALUES (2, '002_case', strftime('%s', 'now'))
ON CONFLICT(version) DO NOTHING;

-- Rollback: none, there is nothing to undo
