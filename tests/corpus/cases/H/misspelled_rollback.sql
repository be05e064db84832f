-- Case: the heading of a rollback block is misspelled, so that there is none
-- Source: -
-- Expect: H114
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
CREATE TABLE IF NOT EXISTS teams (id INTEGER PRIMARY KEY NOT NULL, name TEXT);

-- Roll back:
--   DROP TABLE IF EXISTS teams;
