-- Case: REAL becomes INTEGER
-- Source: -
-- Expect: D108
-- == before
CREATE TABLE items (id INTEGER PRIMARY KEY, code TEXT, price REAL);
-- == migration
CREATE TABLE items_new (id INTEGER PRIMARY KEY, code TEXT, price INTEGER);
INSERT INTO items_new (id, code, price) SELECT id, code, price FROM items;
DROP TABLE items;
ALTER TABLE items_new RENAME TO items;
