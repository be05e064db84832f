-- Case: letters of any script, and such characters in strings and comments
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
-- == migration
-- a no-break space: here
CREATE TABLE IF NOT EXISTS notizen (id INTEGER PRIMARY KEY, größe TEXT DEFAULT '’ ', 名前 TEXT);
