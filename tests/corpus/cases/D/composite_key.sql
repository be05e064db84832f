-- Case: a composite key cascades like any other
-- Source: d1-facts §2.3
-- Expect: D101
-- Loses: lines
-- == before
CREATE TABLE orders (shop TEXT, number INTEGER, note TEXT NOT NULL, PRIMARY KEY (shop, number));
CREATE TABLE lines (
  shop TEXT, number INTEGER, line INTEGER, item TEXT,
  PRIMARY KEY (shop, number, line),
  FOREIGN KEY (shop, number) REFERENCES orders(shop, number) ON DELETE CASCADE
);
-- == rows
INSERT INTO orders VALUES ('a', 1, ''), ('b', 1, '');
INSERT INTO lines VALUES ('a', 1, 1, 'tea'), ('b', 1, 1, 'milk');
-- == migration
CREATE TABLE orders_new (shop TEXT, number INTEGER, note TEXT, PRIMARY KEY (shop, number));
INSERT INTO orders_new SELECT shop, number, note FROM orders;
DROP TABLE orders;
ALTER TABLE orders_new RENAME TO orders;
