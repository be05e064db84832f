-- Case: a family made and dropped in the same file
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
CREATE TABLE scratch (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE scratch_child (id INTEGER PRIMARY KEY, scratch_id INTEGER REFERENCES scratch(id) ON DELETE CASCADE);
INSERT INTO scratch SELECT id, name FROM users;
INSERT INTO scratch_child SELECT id, user_id FROM posts;
DROP TABLE scratch;
DROP TABLE scratch_child;
