-- Case: an UPDATE of a UNIQUE key moves the children to the default
-- Source: -
-- Expect: D114
-- Loses: coupons
-- == before
CREATE TABLE shops (id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE);
CREATE TABLE coupons (id INTEGER PRIMARY KEY, shop TEXT DEFAULT 'main' REFERENCES shops(code) ON UPDATE SET DEFAULT);
CREATE INDEX coupons_shop ON coupons(shop);
-- == rows
INSERT INTO shops VALUES (1, 'main'), (2, 'East');
INSERT INTO coupons VALUES (1, 'East'), (2, 'main');
-- == migration
UPDATE shops SET code = lower(code) WHERE code <> lower(code);
