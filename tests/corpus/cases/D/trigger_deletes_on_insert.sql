-- Case: a plain INSERT fires a trigger that deletes rows of another table
-- Source: -
-- Expect: D117
-- Loses: drafts
-- == before
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE drafts (id INTEGER PRIMARY KEY, body TEXT);
CREATE TRIGGER settings_changed AFTER INSERT ON settings BEGIN DELETE FROM drafts; END;
-- == rows
INSERT INTO settings VALUES ('theme', 'light');
INSERT INTO drafts VALUES (1, 'one'), (2, 'two');
-- == migration
INSERT INTO settings VALUES ('font', 'serif');
