-- Case: a rebuild adds a CHECK
-- Source: -
-- Expect: F107
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 36), (2, 'Ada', NULL);
-- == migration
CREATE TABLE users_new (id INTEGER PRIMARY KEY, name TEXT, age INTEGER CHECK (age > 40));
INSERT INTO users_new (id, name, age) SELECT id, name, age FROM users;
DROP TABLE users;
ALTER TABLE users_new RENAME TO users;
