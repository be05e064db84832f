-- Case: a CHECK that NULL fails
-- Source: d1-facts §1.4
-- Expect: F105
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 36), (2, 'Ada', NULL);
-- == migration
ALTER TABLE users ADD COLUMN email TEXT CHECK (email IS NOT NULL);
