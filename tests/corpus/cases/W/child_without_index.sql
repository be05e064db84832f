-- Case: a safe rebuild reads parents times children where the child's key has no index
-- Source: d1-facts §2.4
-- Expect: W104
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users(id) ON DELETE CASCADE, title TEXT);
-- == migration
PRAGMA defer_foreign_keys = ON;
CREATE TABLE hold AS SELECT id, name FROM users;
CREATE TRIGGER guard BEFORE DELETE ON posts BEGIN SELECT RAISE(IGNORE); END;
DROP TABLE users;
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, email TEXT);
INSERT INTO users (id, name) SELECT id, name FROM hold;
DROP TRIGGER guard;
DROP TABLE hold;
