-- Case: a foreign key that came with ADD COLUMN cascades like one of CREATE TABLE
-- Source: -
-- Expect: D101
-- Loses: posts
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE posts (id INTEGER PRIMARY KEY, title TEXT);
ALTER TABLE posts ADD COLUMN user_id INTEGER REFERENCES users(id) ON DELETE CASCADE;
CREATE INDEX posts_user ON posts(user_id);
-- == rows
INSERT INTO users VALUES (1, 'Ada');
INSERT INTO posts VALUES (1, 'one', 1), (2, 'two', NULL);
-- == migration
CREATE TABLE users_new (id INTEGER PRIMARY KEY, name TEXT, email TEXT);
INSERT INTO users_new (id, name) SELECT id, name FROM users;
DROP TABLE users;
ALTER TABLE users_new RENAME TO users;
