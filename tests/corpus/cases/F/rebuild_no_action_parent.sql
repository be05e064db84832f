-- Case: the canonical rebuild of a parent with NO ACTION children fails on rows
-- Source: drizzle-team/drizzle-orm#1813
-- Expect: F108
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users(id));
CREATE INDEX posts_user ON posts(user_id);
-- == rows
INSERT INTO users VALUES (1, 'Ada');
INSERT INTO posts VALUES (1, 1), (2, NULL);
-- == migration
CREATE TABLE users_new (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO users_new SELECT * FROM users;
DROP TABLE users;
ALTER TABLE users_new RENAME TO users;
