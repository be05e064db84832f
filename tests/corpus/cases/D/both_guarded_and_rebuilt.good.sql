-- Case: child and parent rebuilt in one file, guards on each
-- Source: d1-facts §2.2
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE posts (
  id INTEGER PRIMARY KEY,
  user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  title TEXT
);
CREATE INDEX posts_user ON posts(user_id);

CREATE TABLE comments (
  id INTEGER PRIMARY KEY,
  post_id INTEGER NOT NULL REFERENCES posts(id) ON DELETE CASCADE,
  body TEXT
);
CREATE INDEX comments_post ON comments(post_id);
-- == rows
INSERT INTO users VALUES (1, 'Ada'), (2, 'Bob'), (3, 'Cid');
INSERT INTO posts VALUES (1, 1, 'one'), (2, 1, 'two'), (3, 2, 'three');
INSERT INTO comments VALUES (1, 1, 'yes'), (2, 3, 'no');
-- == migration
PRAGMA defer_foreign_keys = ON;
CREATE TRIGGER guard_comments BEFORE DELETE ON comments BEGIN SELECT RAISE(IGNORE); END;
CREATE TABLE posts_hold AS SELECT id, user_id, title FROM posts;
DROP TABLE posts;
CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE, title TEXT, body TEXT);
INSERT INTO posts (id, user_id, title) SELECT id, user_id, title FROM posts_hold;
CREATE INDEX posts_user ON posts(user_id);
CREATE TRIGGER guard_posts BEFORE DELETE ON posts BEGIN SELECT RAISE(IGNORE); END;
CREATE TABLE users_hold AS SELECT id, name FROM users;
DROP TABLE users;
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO users SELECT id, name FROM users_hold;
DROP TRIGGER guard_posts;
DROP TRIGGER guard_comments;
DROP TABLE posts_hold;
DROP TABLE users_hold;
