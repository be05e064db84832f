-- Case: an UPDATE of a column that nobody refers to
-- Source: -
-- Expect:
-- == before
CREATE TABLE shops (id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, name TEXT);
CREATE TABLE coupons (id INTEGER PRIMARY KEY, shop TEXT DEFAULT 'main' REFERENCES shops(code) ON UPDATE SET DEFAULT);
CREATE INDEX coupons_shop ON coupons(shop);
-- == rows
INSERT INTO shops VALUES (1, 'main', 'Main'), (2, 'East', NULL);
INSERT INTO coupons VALUES (1, 'East'), (2, 'main');
-- == migration
UPDATE shops SET name = code WHERE name IS NULL;
