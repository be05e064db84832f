-- Case: the guard runs before the child's own trigger, which then does not run
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
CREATE TABLE stats (post_id INTEGER PRIMARY KEY, views INTEGER);
CREATE TRIGGER posts_gone AFTER DELETE ON posts BEGIN DELETE FROM stats WHERE post_id = OLD.id; END;
-- == rows
INSERT INTO users VALUES (1, 'Ada'), (2, 'Bob'), (3, 'Cid');
INSERT INTO posts VALUES (1, 1, 'one'), (2, 1, 'two'), (3, 2, 'three');
INSERT INTO stats VALUES (1, 10), (2, 20), (3, 30);
-- == migration
PRAGMA defer_foreign_keys = ON;
CREATE TABLE hold AS SELECT id, name FROM users;
CREATE TRIGGER guard_posts BEFORE DELETE ON posts BEGIN SELECT RAISE(IGNORE); END;
DROP TABLE users;
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO users SELECT id, name FROM hold;
DROP TRIGGER guard_posts;
DROP TABLE hold;
