-- Case: the index is dropped first, then the column: only its values are lost
-- Source: d1-facts §1.4
-- Expect: D105
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
CREATE INDEX users_name ON users(name);
-- == migration
DROP INDEX users_name;
ALTER TABLE users DROP COLUMN name;
