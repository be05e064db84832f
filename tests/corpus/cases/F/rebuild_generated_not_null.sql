-- Case: a rebuild makes a computed column NOT NULL
-- Source: -
-- Expect: F107
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, a TEXT, k TEXT AS (upper(a)) STORED);
-- == rows
INSERT INTO users (id, a) VALUES (1, 'x'), (2, NULL);
-- == migration
CREATE TABLE users_new (id INTEGER PRIMARY KEY, a TEXT, "K" TEXT AS (UPPER("A")) STORED NOT NULL, b TEXT);
INSERT INTO users_new (id, a) SELECT id, a FROM users;
DROP TABLE users;
ALTER TABLE users_new RENAME TO users;
