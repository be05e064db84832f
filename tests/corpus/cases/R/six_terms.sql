-- Case: six SELECTs in one compound
-- Source: Frostn1/mxb-app#754
-- Expect: R107
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
INSERT INTO users (id, name)
SELECT 11, 'user 11'
UNION ALL SELECT 12, 'user 12'
UNION ALL SELECT 13, 'user 13'
UNION ALL SELECT 14, 'user 14'
UNION ALL SELECT 15, 'user 15'
UNION ALL SELECT 16, 'user 16';
