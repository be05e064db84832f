-- Case: the rollback is written as a block comment, which nothing reads
-- Source: -
-- Expect: H114
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
ALTER TABLE users ADD COLUMN email TEXT;

/* Rollback
ALTER TABLE users DROP COLUMN email;
*/
