-- Case: a column of both tables is not copied
-- Source: louislam/uptime-kuma
-- Expect: D105
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, bio TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 'countess');
-- == migration
CREATE TABLE users_new (id INTEGER PRIMARY KEY, name TEXT NOT NULL DEFAULT '', bio TEXT);
INSERT INTO users_new (id, name) SELECT id, coalesce(name, '') FROM users;
DROP TABLE users;
ALTER TABLE users_new RENAME TO users;
