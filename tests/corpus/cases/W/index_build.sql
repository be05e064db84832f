-- Case: an index over a table that has rows is built while requests wait
-- Source: -
-- Expect:
-- Info: W102
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
CREATE INDEX IF NOT EXISTS users_name ON users(name);
