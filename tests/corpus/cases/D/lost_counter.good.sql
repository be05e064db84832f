-- Case: the counter is copied to the new table before the old one is dropped
-- Source: -
-- Expect:
-- == before
CREATE TABLE tickets (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL);
-- == rows
INSERT INTO tickets (title) VALUES ('a'), ('b'), ('c');
DELETE FROM tickets WHERE id = 3;
-- == migration
CREATE TABLE tickets_new (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT);
INSERT INTO tickets_new SELECT id, title FROM tickets;
UPDATE sqlite_sequence SET seq = (SELECT seq FROM sqlite_sequence WHERE name = 'tickets') WHERE name = 'tickets_new';
DROP TABLE tickets;
ALTER TABLE tickets_new RENAME TO tickets;
