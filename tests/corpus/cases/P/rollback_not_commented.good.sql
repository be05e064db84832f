-- Case: a rollback block that is commented out, and a statement after it
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
CREATE TABLE teams (id INTEGER PRIMARY KEY, name TEXT);

-- Rollback:
--   ALTER TABLE users DROP COLUMN team_id;
--   DROP TABLE teams;
ALTER TABLE users ADD COLUMN team_id INTEGER;
