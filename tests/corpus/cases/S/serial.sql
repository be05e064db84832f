-- Case: Postgres' SERIAL is no more than the name of a type, and ids are NULL
-- Source: -
-- Expect: S106
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
CREATE TABLE IF NOT EXISTS teams (id SERIAL PRIMARY KEY, name TEXT);

-- Rollback:
--   DROP TABLE IF EXISTS teams;
