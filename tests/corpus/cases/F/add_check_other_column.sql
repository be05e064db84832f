-- Case: a CHECK that looks at another column fails on the rows that are there
-- Source: d1-facts §1.4
-- Expect: F105
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 36), (2, 'Ada', NULL);
-- == migration
ALTER TABLE users ADD COLUMN adult INTEGER NOT NULL DEFAULT 1 CHECK (adult = 0 OR age >= 40);
