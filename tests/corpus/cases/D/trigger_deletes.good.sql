-- Case: the trigger that deletes rows is dropped for the upsert, and created again
-- Source: -
-- Expect:
-- == before
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE drafts (id INTEGER PRIMARY KEY, body TEXT);
CREATE TRIGGER settings_changed AFTER UPDATE ON settings BEGIN DELETE FROM drafts; END;
-- == rows
INSERT INTO settings VALUES ('theme', 'light');
INSERT INTO drafts VALUES (1, 'one'), (2, 'two');
-- == migration
DROP TRIGGER settings_changed;
INSERT INTO settings VALUES ('theme', 'dark') ON CONFLICT (name) DO UPDATE SET value = excluded.value;
CREATE TRIGGER settings_changed AFTER UPDATE ON settings BEGIN DELETE FROM drafts; END;
