-- Case: a seed with OR REPLACE deletes rows by a unique key, with their ids and the columns it does not name
-- Source: -
-- Expect: D118
-- == before
CREATE TABLE settings (id INTEGER PRIMARY KEY, key TEXT UNIQUE, value TEXT, edited_by TEXT);
-- == rows
INSERT INTO settings VALUES (7, 'theme', 'dark', 'ann');
-- == migration
INSERT OR REPLACE INTO settings (key, value) VALUES ('theme', 'light'), ('lang', 'en');
