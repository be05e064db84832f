-- Case: NO ACTION children emptied by WHERE, archived and dropped first
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users(id));
CREATE INDEX posts_user ON posts(user_id);
-- == rows
INSERT INTO users VALUES (1, 'Ada');
INSERT INTO posts VALUES (1, 1), (2, NULL);
-- == migration
CREATE TABLE kept AS SELECT posts.*, name FROM posts LEFT JOIN users ON users.id = user_id;
DROP TABLE posts;
CREATE TABLE archived_users AS SELECT * FROM users;
DROP TABLE users;
