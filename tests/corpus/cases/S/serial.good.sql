-- Case: what numbers rows
-- Source: -
-- Expect:
-- == migration
CREATE TABLE IF NOT EXISTS teams (id INTEGER PRIMARY KEY, name TEXT);

-- Rollback:
--   DROP TABLE IF EXISTS teams;
