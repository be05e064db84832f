-- Case: DROP CONSTRAINT parses and is denied
-- Source: d1-facts §1.4
-- Expect: R110
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, CONSTRAINT named CHECK (name <> ''));
-- == migration
ALTER TABLE users DROP CONSTRAINT named;
