-- Case: a copied and dropped parent leaves its child with a key to nowhere
-- Source: darrensavery/morechard
-- Expect: F108 S104
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users(id));
CREATE INDEX posts_user ON posts(user_id);
-- == migration
CREATE TABLE people AS SELECT * FROM users;
DROP TABLE users;
