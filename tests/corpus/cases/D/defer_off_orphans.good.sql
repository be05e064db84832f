-- Case: the commit itself checks where nothing is switched off
-- Source: d1-facts §2.1
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE posts (
  id INTEGER PRIMARY KEY,
  user_id INTEGER NOT NULL REFERENCES users(id),
  title TEXT
);
CREATE INDEX posts_user ON posts(user_id);
-- == rows
INSERT INTO users VALUES (1, 'Ada'), (2, 'Bob'), (3, 'Cid');
INSERT INTO posts VALUES (1, 1, 'one'), (2, 1, 'two'), (3, 2, 'three');
-- == migration
PRAGMA defer_foreign_keys = on;
INSERT INTO posts (id, user_id, title) VALUES (8, 4, 'before its author');
INSERT INTO users (id, name) VALUES (4, 'Dan');
