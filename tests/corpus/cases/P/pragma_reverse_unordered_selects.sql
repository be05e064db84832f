-- Case: reverse_unordered_selects stays on for later requests
-- Source: d1-facts §1.3
-- Expect: P108
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT);
-- == migration
PRAGMA reverse_unordered_selects = 'on';
ALTER TABLE users ADD COLUMN email TEXT;
