-- Case: PRAGMA foreign_keys=ON, and reading it
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 'admin'), (2, 'Bob', NULL);
-- == migration
PRAGMA foreign_keys=ON;
PRAGMA foreign_keys;
ALTER TABLE users ADD COLUMN email TEXT;
