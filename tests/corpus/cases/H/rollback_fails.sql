-- Case: the rollback drops a table that never was
-- Source: -
-- Expect: H103
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
CREATE TABLE IF NOT EXISTS teams (id INTEGER PRIMARY KEY);

-- Rollback:
--   DROP TABLE team;
