-- Case: honest drops of a whole family, children first
-- Source: -
-- Expect: D104
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
-- == migration
DROP TABLE comments;
DROP TABLE posts;
DROP TABLE users;
