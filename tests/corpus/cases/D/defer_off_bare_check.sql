-- Case: a foreign_key_check outside an assertion reports violations but does not fail
-- Source: cloudflare/workers-sdk#5598
-- Expect: D113
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
PRAGMA defer_foreign_keys = true;
DELETE FROM users WHERE id = 2;
PRAGMA defer_foreign_keys = false;
PRAGMA foreign_key_check;
