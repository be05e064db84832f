-- Case: a partial index is built over an existing table
-- Source: -
-- Expect:
-- Info: W102
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
CREATE INDEX users_named ON users(name) WHERE name IS NOT NULL;
