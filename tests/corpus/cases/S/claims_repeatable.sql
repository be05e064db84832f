-- Case: a DROP without IF EXISTS in a file that claims to be repeatable
-- Source: -
-- Expect: S102
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE VIEW names AS SELECT name FROM users;
-- == migration
-- repeatable
DROP VIEW names;
CREATE VIEW IF NOT EXISTS names AS SELECT id, name FROM users;
