-- Case: no rollback block
-- Source: -
-- Expect:
-- Info: H102
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
ALTER TABLE users ADD COLUMN email TEXT;
