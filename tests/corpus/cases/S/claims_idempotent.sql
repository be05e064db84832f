-- Case: an ALTER in a file that claims to be idempotent
-- Source: SlopDotCash#158
-- Expect: S102
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
-- == migration
-- Idempotent: safe to run more than once.
ALTER TABLE users ADD COLUMN email TEXT;
