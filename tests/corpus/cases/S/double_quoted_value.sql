-- Case: a value in double quotes
-- Source: -
-- Expect: S103
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
-- == migration
UPDATE users SET role = "guest" WHERE role IS NULL;
