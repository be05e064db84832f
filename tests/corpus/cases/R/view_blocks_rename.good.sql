-- Case: the view is dropped before and made again after
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
CREATE VIEW names AS SELECT name FROM users;
-- == rows
INSERT INTO users VALUES (1, 'Ada'), (2, 'Bob');
-- == migration
DROP VIEW names;
CREATE TABLE users_new (id INTEGER PRIMARY KEY, name TEXT, email TEXT);
INSERT INTO users_new (id, name) SELECT id, name FROM users;
DROP TABLE users;
ALTER TABLE users_new RENAME TO users;
CREATE VIEW names AS SELECT name FROM users;
