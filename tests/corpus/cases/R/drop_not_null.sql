-- Case: ALTER COLUMN … DROP NOT NULL parses and is denied
-- Source: d1-facts §1.4
-- Expect: R110
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
-- == migration
ALTER TABLE users ALTER COLUMN name DROP NOT NULL;
