-- Case: strftime('%s') in a TEXT column compares as text
-- Source: -
-- Expect: S106
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
-- == migration
CREATE TABLE events (id INTEGER PRIMARY KEY, at TEXT DEFAULT (strftime('%s', 'now')));
