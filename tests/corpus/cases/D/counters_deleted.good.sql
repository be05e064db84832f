-- Case: an export loaded without its lines about counters
-- Source: -
-- Expect:
-- == before
CREATE TABLE tickets (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT);
-- == rows
INSERT INTO tickets VALUES (1, 'one'), (2, 'two'), (3, 'three');
DELETE FROM tickets WHERE id = 3;
-- == migration
CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT);
INSERT INTO notes VALUES (7, 'seven');
