-- Case: comments between every word do not hide the drop
-- Source: -
-- Expect: D101
-- Loses: posts
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
CREATE TABLE users_new (id INTEGER PRIMARY KEY, name TEXT); -- ; DROP TABLE posts;
INSERT INTO /* not users */ users_new SELECT /* all; of it */ id, name FROM users;
DROP /* the old one */ TABLE -- really
  users /* ; */ ;
ALTER TABLE users_new RENAME /* back */ TO users;
