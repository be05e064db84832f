-- Case: a table of the view's name
-- Source: -
-- Expect: S101
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
-- == migration
CREATE VIEW IF NOT EXISTS users AS SELECT 1 AS id;
