-- Case: a leaf may be rebuilt by renaming it aside: nothing refers to it
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE posts (
  id INTEGER PRIMARY KEY,
  user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  title TEXT
);
CREATE INDEX posts_user ON posts(user_id);
-- == rows
INSERT INTO users VALUES (1, 'Ada'), (2, 'Bob'), (3, 'Cid');
INSERT INTO posts VALUES (1, 1, 'one'), (2, 1, 'two'), (3, 2, 'three');
-- == migration
ALTER TABLE posts RENAME TO posts_old;
DROP INDEX posts_user;
CREATE TABLE posts (
  id INTEGER PRIMARY KEY,
  user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  title TEXT,
  body TEXT
);
INSERT INTO posts (id, user_id, title) SELECT id, user_id, title FROM posts_old;
DROP TABLE posts_old;
CREATE INDEX posts_user ON posts(user_id);
