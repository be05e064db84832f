-- Case: an UPDATE of a column that is not there
-- Source: -
-- Expect: R106
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
UPDATE users SET email = lower(name) WHERE id = 1;
