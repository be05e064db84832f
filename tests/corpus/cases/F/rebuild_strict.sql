-- Case: a rebuild makes the table STRICT
-- Source: -
-- Expect: F107
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 'unknown');
-- == migration
CREATE TABLE users_new (id INTEGER PRIMARY KEY, name TEXT, age INTEGER) STRICT;
INSERT INTO users_new (id, name, age) SELECT id, name, age FROM users;
DROP TABLE users;
ALTER TABLE users_new RENAME TO users;
