-- Case: a file whose header denies that it is idempotent
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 'admin'), (2, 'Bob', NULL);
-- == migration
-- Not idempotent: runs once.
ALTER TABLE users ADD COLUMN email TEXT;
