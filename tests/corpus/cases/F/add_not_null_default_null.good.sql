-- Case: NOT NULL without default on a table made in this file
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 36), (2, 'Ada', NULL);
-- == migration
CREATE TABLE teams (id INTEGER PRIMARY KEY);
ALTER TABLE teams ADD COLUMN name TEXT NOT NULL;
