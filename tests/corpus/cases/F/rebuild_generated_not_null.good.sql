-- Case: a rebuild keeps a computed column that was NOT NULL
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, a TEXT NOT NULL, k TEXT AS (upper(a)) STORED NOT NULL);
-- == rows
INSERT INTO users (id, a) VALUES (1, 'x');
-- == migration
CREATE TABLE users_new (id INTEGER PRIMARY KEY, a TEXT NOT NULL, "K" TEXT AS (UPPER("A")) STORED NOT NULL, b TEXT);
INSERT INTO users_new (id, a) SELECT id, a FROM users;
DROP TABLE users;
ALTER TABLE users_new RENAME TO users;
