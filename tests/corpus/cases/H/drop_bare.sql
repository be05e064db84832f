-- Case: DROP INDEX without IF EXISTS
-- Source: -
-- Expect:
-- Info: H101
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
CREATE INDEX users_name ON users(name);
-- == migration
DROP INDEX users_name;
