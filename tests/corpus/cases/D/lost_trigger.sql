-- Case: a rebuild forgets the trigger of the table
-- Source: d1-facts §9
-- Expect: D110
-- == before
CREATE TABLE items (id INTEGER PRIMARY KEY, code TEXT, price REAL);
CREATE TABLE log (id INTEGER PRIMARY KEY, line TEXT);
CREATE TRIGGER items_log AFTER UPDATE ON items BEGIN INSERT INTO log (line) VALUES (OLD.code); END;
-- == rows
INSERT INTO items VALUES (1, '007', 1.5), (2, 'x9', 2.0);
-- == migration
CREATE TABLE items_new (id INTEGER PRIMARY KEY, code TEXT, price REAL, note TEXT);
INSERT INTO items_new (id, code, price) SELECT id, code, price FROM items;
DROP TABLE items;
ALTER TABLE items_new RENAME TO items;
