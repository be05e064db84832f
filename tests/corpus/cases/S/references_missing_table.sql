-- Case: a foreign key to a table that does not exist
-- Source: -
-- Expect: S104
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
-- == migration
CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES user(id));
CREATE INDEX posts_user ON posts(user_id);
