-- Case: held, dropped, refilled under the final name: the deferred check is settled
-- Source: d1-facts §2.3
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users(id));
CREATE INDEX posts_user ON posts(user_id);
-- == rows
INSERT INTO users VALUES (1, 'Ada');
INSERT INTO posts VALUES (1, 1), (2, NULL);
-- == migration
PRAGMA defer_foreign_keys = ON;
CREATE TABLE hold AS SELECT id, name FROM users;
DROP TABLE users;
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO users SELECT id, name FROM hold;
DROP TABLE hold;
