-- Case: an allowance for something the file does not do
-- Source: -
-- Expect: H110
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
-- d1migrate: allow=D104 reason="the table is empty"
CREATE TABLE IF NOT EXISTS teams (id INTEGER PRIMARY KEY);
