-- Case: DEFAULT NULL does not satisfy NOT NULL
-- Source: d1-facts §1.4
-- Expect: F101
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 36), (2, 'Ada', NULL);
-- == migration
ALTER TABLE users ADD email TEXT DEFAULT NULL CONSTRAINT must NOT NULL;
