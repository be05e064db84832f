-- Case: a composite key under recipe A
-- Source: d1-facts §2.3
-- Expect:
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
PRAGMA defer_foreign_keys = ON;
CREATE TABLE hold AS SELECT rowid AS _rid, shop, number, note FROM orders;
CREATE TRIGGER guard BEFORE DELETE ON lines BEGIN SELECT RAISE(IGNORE); END;
DROP TABLE orders;
CREATE TABLE orders (shop TEXT, number INTEGER, note TEXT, PRIMARY KEY (shop, number));
INSERT INTO orders (rowid, shop, number, note) SELECT _rid, shop, number, note FROM hold;
DROP TRIGGER guard;
DROP TABLE hold;
