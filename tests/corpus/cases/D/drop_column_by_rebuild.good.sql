-- Case: a rebuild keeps all columns, in another order
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 36);
-- == migration
CREATE TABLE users_new (id INTEGER PRIMARY KEY, age INTEGER, name TEXT);
INSERT INTO users_new (id, name, age) SELECT id, name, age FROM users;
DROP TABLE users;
ALTER TABLE users_new RENAME TO users;
