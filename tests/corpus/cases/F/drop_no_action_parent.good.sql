-- Case: NO ACTION children archived and dropped before their parent
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
CREATE TABLE archive_users AS SELECT * FROM users;
CREATE TABLE archive_posts AS SELECT * FROM posts;
DROP TABLE posts;
DROP TABLE users;
