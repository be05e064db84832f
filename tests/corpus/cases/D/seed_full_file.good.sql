-- Case: a file with header, record and rollback
-- Source: -
-- Expect:
-- == before
CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL);
-- == migration
-- Migration: 002_case
-- Description: Teams
-- Created: 2026-11-22

CREATE TABLE IF NOT EXISTS teams (
  id TEXT PRIMARY KEY NOT NULL,
  name TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL DEFAULT (strftime('%s', 'now'))
);

-- Record migration
INSERT INTO schema_migrations (version, name, applied_at)
VALUES (2, '002_case', strftime('%s', 'now'))
ON CONFLICT(version) DO NOTHING;

-- Rollback:
--   DROP TABLE IF EXISTS teams;
