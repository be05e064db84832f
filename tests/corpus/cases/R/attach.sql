-- Case: ATTACH is not authorized
-- Source: d1-facts §1.4
-- Expect: R104
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
ATTACH DATABASE 'old.db' AS old;
