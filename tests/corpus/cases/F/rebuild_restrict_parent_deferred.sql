-- Case: deferred, the rebuild of a parent with RESTRICT children fails at commit
-- Source: d1-facts §2.2
-- Expect: F108
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users(id) ON DELETE RESTRICT ON UPDATE CASCADE);
CREATE INDEX posts_user ON posts(user_id);
-- == rows
INSERT INTO users VALUES (1, 'Ada');
INSERT INTO posts VALUES (1, 1), (2, NULL);
-- == migration
PRAGMA defer_foreign_keys = ON;
CREATE TABLE users_new (id INTEGER PRIMARY KEY, name TEXT);
INSERT INTO users_new SELECT * FROM users;
DROP TABLE users;
ALTER TABLE users_new RENAME TO users;
