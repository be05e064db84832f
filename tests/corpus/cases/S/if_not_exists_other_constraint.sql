-- Case: IF NOT EXISTS hides that the existing column has no CHECK
-- Source: -
-- Expect: S101
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
-- == migration
CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, role TEXT CHECK (role <> ''));
