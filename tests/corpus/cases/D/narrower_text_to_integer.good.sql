-- Case: INTEGER becomes TEXT
-- Source: -
-- Expect:
-- == before
CREATE TABLE items (id INTEGER PRIMARY KEY, code INTEGER, price REAL);
-- == migration
CREATE TABLE items_new (id INTEGER PRIMARY KEY, code TEXT, price REAL);
INSERT INTO items_new (id, code, price) SELECT id, code, price FROM items;
DROP TABLE items;
ALTER TABLE items_new RENAME TO items;
