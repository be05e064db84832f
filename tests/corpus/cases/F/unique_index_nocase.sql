-- Case: a unique index is recreated, now ignoring letter case
-- Source: d1-facts §1.4
-- Expect: F106
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
CREATE UNIQUE INDEX users_name ON users(name);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 36), (2, 'ada', NULL);
-- == migration
DROP INDEX users_name;
CREATE UNIQUE INDEX users_name ON users(name COLLATE NOCASE);
