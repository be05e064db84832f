-- Case: a view is left over a table that is archived and dropped
-- Source: -
-- Expect: S107
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE VIEW names AS SELECT name FROM users;
-- == migration
CREATE TABLE users_2026 AS SELECT * FROM users;
DROP TABLE users;
