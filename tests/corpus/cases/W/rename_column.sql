-- Case: a column is renamed while the Worker still asks for the old name
-- Source: -
-- Expect: W101
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
ALTER TABLE users RENAME name TO full_name;
