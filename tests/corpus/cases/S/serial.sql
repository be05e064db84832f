-- Case: Postgres' SERIAL is no more than the name of a type, and ids are NULL
-- Source: -
-- Expect: S106
-- == migration
CREATE TABLE IF NOT EXISTS teams (id SERIAL PRIMARY KEY, name TEXT);

-- Rollback:
--   DROP TABLE IF EXISTS teams;
