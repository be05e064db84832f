-- Case: STRING is NUMERIC: '007' becomes 7
-- Source: -
-- Expect: S106
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
-- == migration
CREATE TABLE codes (id INTEGER PRIMARY KEY, code STRING NOT NULL);
