-- Case: the heading as it is read
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
CREATE TABLE IF NOT EXISTS teams (id INTEGER PRIMARY KEY NOT NULL, name TEXT);

-- Rollback:
--   DROP TABLE IF EXISTS teams;
