-- Case: ALTER COLUMN … SET NOT NULL parses and is denied
-- Source: d1-facts §1.4
-- Expect: R110
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
ALTER TABLE users ALTER COLUMN name SET NOT NULL;
