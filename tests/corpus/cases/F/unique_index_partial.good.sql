-- Case: a UNIQUE index on a column added in this file, where all is NULL
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 36), (2, 'Ada', NULL);
-- == migration
ALTER TABLE users ADD COLUMN slug TEXT;
CREATE UNIQUE INDEX users_slug ON users(slug);
