-- Case: NO ACTION children are dropped too, but after their parent
-- Source: -
-- Expect: D104 F108
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users(id));
CREATE INDEX posts_user ON posts(user_id);
-- == rows
INSERT INTO users VALUES (1, 'Ada');
INSERT INTO posts VALUES (1, 1), (2, NULL);
-- == migration
DROP TABLE users;
DROP TABLE posts;
