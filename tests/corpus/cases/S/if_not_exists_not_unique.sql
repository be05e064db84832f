-- Case: an index of that name exists, but is not unique
-- Source: -
-- Expect: S101
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE INDEX users_name ON users(name);
-- == migration
CREATE UNIQUE INDEX IF NOT EXISTS users_name ON users(name);
