-- Case: an archived parent is dropped above an unindexed child
-- Source: d1-facts §2.4
-- Expect: F108 S104 W104
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users(id), title TEXT);
-- == migration
CREATE TABLE users_2026 AS SELECT * FROM users;
DROP TABLE users;
