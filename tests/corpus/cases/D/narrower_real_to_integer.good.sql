-- Case: VARCHAR(80) becomes TEXT, DOUBLE becomes REAL: the affinity does not change
-- Source: -
-- Expect:
-- == before
CREATE TABLE items (id INTEGER PRIMARY KEY, code VARCHAR(80), price DOUBLE);
-- == rows
INSERT INTO items VALUES (1, '007', 1.5), (2, 'x9', 2.0);
-- == migration
CREATE TABLE items_new (id INTEGER PRIMARY KEY, code TEXT, price REAL);
INSERT INTO items_new (id, code, price) SELECT id, code, price FROM items;
DROP TABLE items;
ALTER TABLE items_new RENAME TO items;
