-- Case: PRAGMA foreign_keys = 'false' does nothing either
-- Source: d1-facts §1.3
-- Expect: S108
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
-- == migration
PRAGMA main.foreign_keys = 'false';
ALTER TABLE users ADD COLUMN email TEXT;
PRAGMA foreign_keys = true;
