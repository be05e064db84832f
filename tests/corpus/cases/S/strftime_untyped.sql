-- Case: strftime('%s') in a column without a type
-- Source: -
-- Expect: S106
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
-- == migration
CREATE TABLE events (id INTEGER PRIMARY KEY, at DEFAULT (strftime('%s', 'now')));
