-- Case: the counter is held and restored, as recipe A does it
-- Source: d1-facts §2.3
-- Expect:
-- == before
CREATE TABLE tickets (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL);
-- == rows
INSERT INTO tickets (title) VALUES ('a'), ('b'), ('c');
DELETE FROM tickets WHERE id = 3;
-- == migration
CREATE TABLE hold AS SELECT id, title FROM tickets;
CREATE TABLE seq AS SELECT * FROM sqlite_sequence WHERE name = 'tickets';
DROP TABLE tickets;
CREATE TABLE tickets (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT);
INSERT INTO tickets SELECT id, title FROM hold;
INSERT INTO sqlite_sequence (name, seq) SELECT name, seq FROM seq WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'tickets');
UPDATE sqlite_sequence SET seq = (SELECT seq FROM seq) WHERE name = 'tickets';
DROP TABLE hold;
DROP TABLE seq;
