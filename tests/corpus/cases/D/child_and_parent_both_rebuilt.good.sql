-- Case: the whole family is rebuilt: leaves are dropped first, references follow the renames
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
CREATE TABLE users_new (id INTEGER PRIMARY KEY, name TEXT, email TEXT);
CREATE TABLE posts_new (
  id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL REFERENCES users_new(id) ON DELETE CASCADE, title TEXT
);
CREATE TABLE comments_new (
  id INTEGER PRIMARY KEY, post_id INTEGER NOT NULL REFERENCES posts_new(id) ON DELETE CASCADE, body TEXT
);
INSERT INTO users_new (id, name) SELECT id, name FROM users;
INSERT INTO posts_new SELECT * FROM posts;
INSERT INTO comments_new SELECT * FROM comments;
DROP TABLE comments;
DROP TABLE posts;
DROP TABLE users;
ALTER TABLE users_new RENAME TO users;
ALTER TABLE posts_new RENAME TO posts;
ALTER TABLE comments_new RENAME TO comments;
CREATE INDEX posts_user ON posts(user_id);
CREATE INDEX comments_post ON comments(post_id);
