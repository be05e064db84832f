-- Case: views, indexes and triggers hold no rows
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

CREATE VIEW authors AS SELECT DISTINCT user_id FROM posts;
CREATE TRIGGER posts_noop AFTER INSERT ON posts BEGIN SELECT 1; END;
CREATE INDEX posts_title ON posts(title);
-- == rows
INSERT INTO users VALUES (1, 'Ada'), (2, 'Bob'), (3, 'Cid');
INSERT INTO posts VALUES (1, 1, 'one'), (2, 1, 'two'), (3, 2, 'three');
-- == migration
DROP VIEW authors;
DROP TRIGGER posts_noop;
DROP INDEX posts_title;
