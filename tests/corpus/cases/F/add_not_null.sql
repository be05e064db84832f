-- Case: NOT NULL without default works on the empty table of a developer only
-- Source: d1-facts §1.4
-- Expect: F101
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 36), (2, 'Ada', NULL);
-- == migration
ALTER TABLE users ADD COLUMN email TEXT NOT NULL;
