-- Case: a CREATE without IF NOT EXISTS in a file that is said to be safe to re-run
-- Source: emdash-cms/emdash#3012
-- Expect: S102
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
-- == migration
/* This migration is safe to re-run. */
CREATE TABLE IF NOT EXISTS teams (id INTEGER PRIMARY KEY);
CREATE INDEX users_name ON users(name);
