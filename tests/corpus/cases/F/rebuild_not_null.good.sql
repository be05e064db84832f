-- Case: a rebuild adds NOT NULL and copies a value for NULL
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 36), (2, 'Ada', NULL);
-- == migration
CREATE TABLE users_new (id INTEGER PRIMARY KEY, name TEXT, age INTEGER NOT NULL);
INSERT INTO users_new (id, name, age) SELECT id, name, coalesce(age, 0) FROM users;
DROP TABLE users;
ALTER TABLE users_new RENAME TO users;
