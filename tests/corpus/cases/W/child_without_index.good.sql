-- Case: an index for the time of the rebuild
-- Source: d1-facts §2.4
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users(id) ON DELETE CASCADE, title TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada'), (2, 'Bob');
INSERT INTO posts VALUES (1, 1, 'one'), (2, 2, 'two');
-- == migration
CREATE INDEX posts_user_tmp ON posts(user_id);
PRAGMA defer_foreign_keys = ON;
CREATE TABLE hold AS SELECT id, name FROM users;
CREATE TRIGGER guard BEFORE DELETE ON posts BEGIN SELECT RAISE(IGNORE); END;
DROP TABLE users;
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, email TEXT);
INSERT INTO users (id, name) SELECT id, name FROM hold;
DROP TRIGGER guard;
DROP TABLE hold;
DROP INDEX posts_user_tmp;
