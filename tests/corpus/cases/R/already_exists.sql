-- Case: a table that exists already
-- Source: -
-- Expect: R106
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);
