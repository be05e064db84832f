-- Case: a batch migration fills a column that old code does not write
-- Source: -
-- Expect: W105
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, norm TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada@x', NULL), (2, 'Bob@x', NULL);
-- == migration
-- d1migrate: batch users
UPDATE users SET norm = lower(email) WHERE norm IS NULL;
