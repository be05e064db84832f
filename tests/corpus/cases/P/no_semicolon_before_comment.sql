-- Case: no semicolon, hidden by a comment
-- Source: d1-facts §3.4
-- Expect: P104
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT);
-- == migration
ALTER TABLE users ADD COLUMN email TEXT -- the address;

-- that was all;
