-- Case: the view is dropped with its table
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE VIEW names AS SELECT name FROM users;
-- == rows
INSERT INTO users VALUES (1, 'Ada', 'admin'), (2, 'Bob', NULL);
-- == migration
CREATE TABLE users_2026 AS SELECT * FROM users;
DROP VIEW names;
DROP TABLE users;
