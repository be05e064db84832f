-- Case: a no-break space joins two words
-- Source: -
-- Expect: R106
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
-- == migration
CREATE TABLE tags (id INTEGER PRIMARY KEY);
