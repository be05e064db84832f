-- Case: an indexed column cannot be dropped
-- Source: d1-facts §1.4
-- Expect: R110
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
CREATE INDEX users_name ON users(name);
-- == migration
ALTER TABLE users DROP COLUMN name;
