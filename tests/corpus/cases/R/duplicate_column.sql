-- Case: a renamed file runs again: the column exists
-- Source: JSONbored/loopover#6582
-- Expect: R106
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
ALTER TABLE users ADD COLUMN name TEXT;
