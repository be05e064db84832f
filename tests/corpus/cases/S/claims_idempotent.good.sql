-- Case: a file that claims to be idempotent, and is
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 'admin'), (2, 'Bob', NULL);
-- == migration
-- Idempotent: safe to run more than once.
CREATE TABLE IF NOT EXISTS teams (id INTEGER PRIMARY KEY, name TEXT);
CREATE INDEX IF NOT EXISTS users_name ON users(name);
DROP VIEW IF EXISTS names;
INSERT OR IGNORE INTO teams (id, name) VALUES (1, 'red');
