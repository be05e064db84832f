-- Case: ignore_check_constraints stays on for later requests
-- Source: d1-facts §1.3
-- Expect: P108
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT);
-- == migration
PRAGMA ignore_check_constraints = ON;
ALTER TABLE users ADD COLUMN email TEXT;
