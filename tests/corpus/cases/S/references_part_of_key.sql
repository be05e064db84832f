-- Case: a foreign key to half of a composite key
-- Source: -
-- Expect: S105
-- == before
CREATE TABLE orders (shop TEXT, number INTEGER, PRIMARY KEY (shop, number));
-- == migration
CREATE TABLE votes (id INTEGER PRIMARY KEY, shop TEXT REFERENCES orders(shop));
CREATE INDEX votes_shop ON votes(shop);
