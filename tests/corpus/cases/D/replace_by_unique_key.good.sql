-- Case: a seed that updates the row it finds by a unique key
-- Source: -
-- Expect:
-- == before
CREATE TABLE settings (id INTEGER PRIMARY KEY, key TEXT UNIQUE, value TEXT, edited_by TEXT);
-- == rows
INSERT INTO settings VALUES (7, 'theme', 'dark', 'ann');
-- == migration
INSERT INTO settings (key, value) VALUES ('theme', 'light'), ('lang', 'en')
ON CONFLICT (key) DO UPDATE SET value = excluded.value;
