-- Case: a file in its own transaction
-- Source: cloudflare/workerd#5411
-- Expect: R101
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
BEGIN TRANSACTION;
ALTER TABLE users ADD COLUMN email TEXT;
COMMIT;
