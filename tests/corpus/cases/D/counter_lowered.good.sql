-- Case: a counter is raised to leave room for ids from elsewhere
-- Source: -
-- Expect:
-- == before
CREATE TABLE invoices (id INTEGER PRIMARY KEY AUTOINCREMENT, total INTEGER);
-- == rows
INSERT INTO invoices VALUES (1, 10), (2, 20), (9, 90);
-- == migration
UPDATE sqlite_sequence SET seq = max(seq, 1000) WHERE name = 'invoices';
