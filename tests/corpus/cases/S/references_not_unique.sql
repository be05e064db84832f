-- Case: a foreign key to a column that is not unique
-- Source: -
-- Expect: S105
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
-- == migration
CREATE TABLE posts (id INTEGER PRIMARY KEY, author TEXT REFERENCES users(name));
CREATE INDEX posts_author ON posts(author);
