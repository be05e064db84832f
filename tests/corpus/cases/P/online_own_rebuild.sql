-- Case: an online migration whose rebuild is written by hand, without its checks
-- Source: -
-- Expect: P113
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada'), (2, 'Bob');
-- == migration
-- d1migrate: online users
CREATE TABLE new_users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
INSERT INTO new_users (id, name) SELECT id, name FROM users;
DROP TABLE users;
ALTER TABLE new_users RENAME TO users;
