-- Case: only the statement that records it
-- Source: -
-- Expect:
-- Info: H113
-- == before
CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL);
-- == migration
-- Migration: 002_case

-- Record migration
INSERT INTO schema_migrations (version, name, applied_at)
VALUES (2, '002_case', strftime('%s', 'now'))
ON CONFLICT(version) DO NOTHING;
