-- Case: a rebuild copies the whole table while requests wait
-- Source: cloudflare/workers-sdk#7780
-- Expect:
-- Info: W103
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
CREATE TABLE users_new (id INTEGER PRIMARY KEY, name TEXT DEFAULT 'nobody');
INSERT INTO users_new SELECT * FROM users;
DROP TABLE users;
ALTER TABLE users_new RENAME TO users;
