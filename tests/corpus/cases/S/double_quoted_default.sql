-- Case: a default in double quotes
-- Source: -
-- Expect: S103
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
-- == migration
CREATE TABLE teams (id INTEGER PRIMARY KEY, state TEXT DEFAULT "new");
