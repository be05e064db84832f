-- Case: a batch migration that inserts each row by itself, where a key ignores the second one
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, city TEXT);
CREATE TABLE cities (name TEXT PRIMARY KEY);
-- == rows
INSERT INTO users VALUES (1, 'Rome'), (2, 'Oslo'), (3, 'Rome');
-- == migration
-- d1migrate: batch users
INSERT OR IGNORE INTO cities SELECT city FROM users;
