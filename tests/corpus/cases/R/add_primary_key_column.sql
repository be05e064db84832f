-- Case: a PRIMARY KEY column cannot be added
-- Source: d1-facts §1.4
-- Expect: R110
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
ALTER TABLE users ADD COLUMN uid TEXT PRIMARY KEY;
