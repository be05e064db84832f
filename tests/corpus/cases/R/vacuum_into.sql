-- Case: VACUUM INTO is a backup D1 does not make
-- Source: d1-facts §1.4
-- Expect: R105
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
DELETE FROM users WHERE name IS NULL;
VACUUM INTO 'backup.db';
