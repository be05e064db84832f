-- Case: add, fill, drop, rename: what the old column held is moved first
-- Source: d1-facts §2.3
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE posts (
  id INTEGER PRIMARY KEY,
  user_id INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  title TEXT
);
CREATE INDEX posts_user ON posts(user_id);
-- == migration
ALTER TABLE users ADD COLUMN name_new TEXT;
UPDATE users SET name_new = name;
ALTER TABLE users DROP COLUMN name;
ALTER TABLE users RENAME COLUMN name_new TO name;
