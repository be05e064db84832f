-- Case: a rebuild restarts AUTOINCREMENT at the highest id left
-- Source: d1-facts §2.3
-- Expect: D111
-- == before
CREATE TABLE tickets (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL);
-- == rows
INSERT INTO tickets (title) VALUES ('a'), ('b'), ('c');
DELETE FROM tickets WHERE id = 3;
-- == migration
CREATE TABLE tickets_new (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT);
INSERT INTO tickets_new SELECT id, title FROM tickets;
DROP TABLE tickets;
ALTER TABLE tickets_new RENAME TO tickets;
