-- Case: recipe B: guard, new table, rename, counter off, and a check that aborts
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
-- == rows
INSERT INTO users VALUES (1, 'Ada'), (2, 'Bob'), (3, 'Cid');
INSERT INTO posts VALUES (1, 1, 'one'), (2, 1, 'two'), (3, 2, 'three');
-- == migration
PRAGMA defer_foreign_keys = ON;
CREATE TABLE users_new (id INTEGER PRIMARY KEY, name TEXT, email TEXT);
INSERT INTO users_new (id, name) SELECT id, name FROM users;
CREATE TRIGGER guard_posts BEFORE DELETE ON posts BEGIN SELECT RAISE(IGNORE); END;
DROP TABLE users;
ALTER TABLE users_new RENAME TO users;
DROP TRIGGER guard_posts;
PRAGMA defer_foreign_keys = OFF;
SELECT json_extract('{}', 'orphan in ' || "table" || ' rowid ' || rowid) FROM pragma_foreign_key_check;
