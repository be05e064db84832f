-- Case: a CHECK list in double quotes
-- Source: -
-- Expect: S103
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
-- == migration
CREATE TABLE jobs (id INTEGER PRIMARY KEY, state TEXT CHECK (state IN ("new", "done")));
