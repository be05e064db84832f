-- Case: the rollback undoes all of it, in reverse
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada');
-- == migration
CREATE TABLE IF NOT EXISTS teams (id INTEGER PRIMARY KEY);
CREATE INDEX IF NOT EXISTS users_name ON users(name);
ALTER TABLE users ADD COLUMN email TEXT;

-- Rollback:
--   ALTER TABLE users DROP COLUMN email;
--   DROP INDEX IF EXISTS users_name;
--   DROP TABLE IF EXISTS teams;
