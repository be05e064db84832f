-- Case: the rollback forgets the index on an old table
-- Source: -
-- Expect: H103
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
CREATE TABLE IF NOT EXISTS teams (id INTEGER PRIMARY KEY);
CREATE INDEX IF NOT EXISTS users_name ON users(name);

-- Rollback:
--   DROP TABLE IF EXISTS teams;
