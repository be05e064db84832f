-- Case: a unique index is recreated over the same column
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
CREATE UNIQUE INDEX users_name ON users(name);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 36);
-- == migration
DROP INDEX users_name;
CREATE UNIQUE INDEX users_name_key ON users(name);
