-- Case: a STORED generated column cannot be added to rows
-- Source: d1-facts §1.4
-- Expect: F103
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 36), (2, 'Ada', NULL);
-- == migration
ALTER TABLE users ADD COLUMN initial TEXT GENERATED ALWAYS AS (substr(name, 1, 1)) STORED;
