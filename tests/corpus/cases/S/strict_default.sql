-- Case: a STRICT column whose default is of another type
-- Source: -
-- Expect: S106
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
-- == migration
CREATE TABLE counters (id INTEGER PRIMARY KEY, n INTEGER NOT NULL DEFAULT 'none') STRICT;
