-- Case: triggers of the child fire while the parent is dropped
-- Source: d1-facts §2.1
-- Expect: D101
-- Loses: posts stats
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
CREATE TABLE users_new (id INTEGER PRIMARY KEY, name TEXT, email TEXT);
INSERT INTO users_new (id, name) SELECT id, name FROM users;
DROP TABLE users;
ALTER TABLE users_new RENAME TO users;
