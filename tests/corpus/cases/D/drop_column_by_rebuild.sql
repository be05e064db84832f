-- Case: a rebuild leaves a column out
-- Source: -
-- Expect: D105
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
-- == migration
CREATE TABLE users_new (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO users_new SELECT id, name FROM users;
DROP TABLE users;
ALTER TABLE users_new RENAME TO users;
