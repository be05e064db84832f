-- Case: five SELECTs in one compound
-- Source: JSONbored/metagraphed#9881
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada'), (2, 'Bob');
-- == migration
INSERT INTO users (id, name)
SELECT 11, 'user 11'
UNION ALL SELECT 12, 'user 12'
UNION ALL SELECT 13, 'user 13'
UNION ALL SELECT 14, 'user 14'
UNION ALL SELECT 15, 'user 15';
