-- Case: the rollback drops only one of two added columns
-- Source: -
-- Expect: H103
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
ALTER TABLE users ADD COLUMN email TEXT;
ALTER TABLE users ADD COLUMN phone TEXT;

-- Rollback:
--   ALTER TABLE users DROP COLUMN email;
