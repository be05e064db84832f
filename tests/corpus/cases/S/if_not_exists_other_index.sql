-- Case: an index of that name is on another column
-- Source: -
-- Expect: S101
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE INDEX users_name ON users(name);
-- == migration
CREATE INDEX IF NOT EXISTS users_name ON users(role);
