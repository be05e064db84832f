-- Case: header and rollback are there, the record is not
-- Source: -
-- Expect:
-- Info: H109
-- == before
CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL);
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO schema_migrations (version, name, applied_at)
VALUES (1, '001_before', strftime('%s', 'now'))
ON CONFLICT(version) DO NOTHING;
-- == migration
-- Migration: 002_case
CREATE TABLE IF NOT EXISTS teams (id INTEGER PRIMARY KEY);

-- Rollback:
--   DROP TABLE IF EXISTS teams;
