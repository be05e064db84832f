-- Case: a seed with OR REPLACE takes rows by a unique key, with their id and what it does not name
-- Source: -
-- Expect: D118
-- == before
CREATE TABLE settings (id INTEGER PRIMARY KEY, key TEXT UNIQUE, value TEXT, edited_by TEXT);
-- == rows
INSERT INTO settings VALUES (7, 'theme', 'dark', 'ann');
-- == migration
INSERT OR REPLACE INTO settings (key, value) VALUES ('theme', 'light'), ('lang', 'en');
