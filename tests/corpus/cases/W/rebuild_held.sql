-- Case: a rebuild by way of a held copy
-- Source: d1-facts §2.3
-- Expect:
-- Info: W103
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
CREATE TABLE hold AS SELECT id, name FROM users;
DROP TABLE users;
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT DEFAULT 'nobody');
INSERT INTO users SELECT id, name FROM hold;
DROP TABLE hold;
