-- Case: six SELECTs in the compound of a view
-- Source: JSONbored/metagraphed#9881
-- Expect: R107
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
CREATE VIEW many AS SELECT 0 AS n UNION SELECT 1 AS n UNION SELECT 2 AS n UNION SELECT 3 AS n UNION SELECT 4 AS n UNION SELECT 5 AS n;
