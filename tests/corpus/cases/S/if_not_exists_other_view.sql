-- Case: a view of that name shows something else
-- Source: -
-- Expect: S101
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE VIEW names AS SELECT name FROM users;
-- == migration
CREATE VIEW IF NOT EXISTS names AS SELECT id, name FROM users;
