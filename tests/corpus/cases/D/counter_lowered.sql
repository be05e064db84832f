-- Case: a counter is set back to the start while the table keeps its rows
-- Source: -
-- Expect: D120
-- == before
CREATE TABLE invoices (id INTEGER PRIMARY KEY AUTOINCREMENT, total INTEGER);
-- == rows
INSERT INTO invoices VALUES (1, 10), (2, 20), (9, 90);
DELETE FROM invoices WHERE id = 9;
-- == migration
UPDATE sqlite_sequence SET seq = 0 WHERE name = 'invoices';
