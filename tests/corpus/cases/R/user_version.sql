-- Case: a version kept in PRAGMA user_version
-- Source: d1-facts §1.3
-- Expect: R102
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
ALTER TABLE users ADD COLUMN email TEXT;
PRAGMA user_version = 2;
