-- Case: PRAGMA foreign_keys=OFF does nothing
-- Source: cloudflare/workers-sdk#8512
-- Expect: S108
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
-- == migration
PRAGMA foreign_keys=OFF;
ALTER TABLE users ADD COLUMN email TEXT;
