-- Case: a table that exists already, asked for with IF NOT EXISTS in the same shape
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada'), (2, 'Bob');
-- == migration
CREATE TABLE IF NOT EXISTS users (
  id integer primary key, -- the id
  name text
);
