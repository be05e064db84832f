-- Case: an ordinary file: a table, a column, an index, a view, a row
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
CREATE TABLE IF NOT EXISTS teams (
  id INTEGER PRIMARY KEY,
  owner_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS teams_owner ON teams(owner_id);
ALTER TABLE users ADD COLUMN active INTEGER NOT NULL DEFAULT 1;
CREATE VIEW IF NOT EXISTS authors AS SELECT DISTINCT user_id FROM posts;
INSERT INTO teams (id, owner_id) SELECT id, id FROM users;
