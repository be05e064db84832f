-- Case: a partial UNIQUE index fails on the rows it covers
-- Source: d1-facts §1.4
-- Expect: F106
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 36), (2, 'Ada', NULL);
-- == migration
CREATE UNIQUE INDEX IF NOT EXISTS users_name ON users(name) WHERE name IS NOT NULL;
