-- Case: a rebuild makes one index again and forgets the unique one
-- Source: -
-- Expect: D109
-- == before
CREATE TABLE items (id INTEGER PRIMARY KEY, code TEXT, price REAL);
CREATE UNIQUE INDEX items_code ON items(code);
CREATE INDEX items_price ON items(price) WHERE price > 9;
-- == rows
INSERT INTO items VALUES (1, '007', 1.5), (2, 'x9', 2.0);
-- == migration
CREATE TABLE items_new (id INTEGER PRIMARY KEY, code TEXT, price REAL, note TEXT);
INSERT INTO items_new (id, code, price) SELECT id, code, price FROM items;
DROP TABLE items;
ALTER TABLE items_new RENAME TO items;
CREATE INDEX items_price ON items(price) WHERE price > 9;
