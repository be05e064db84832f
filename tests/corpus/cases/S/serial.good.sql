-- Case: what numbers rows
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
CREATE TABLE IF NOT EXISTS teams (id INTEGER PRIMARY KEY, name TEXT);

-- Rollback:
--   DROP TABLE IF EXISTS teams;
