-- Case: temporary tables are not authorized
-- Source: d1-facts §1.4
-- Expect: R104
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
CREATE TEMP TABLE hold AS SELECT * FROM users;
