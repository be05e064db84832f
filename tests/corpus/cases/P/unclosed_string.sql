-- Case: a string that is not closed
-- Source: -
-- Expect: P105
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT);
-- == migration
ALTER TABLE users ADD COLUMN email TEXT;
INSERT INTO log (line) VALUES ('it''s);
