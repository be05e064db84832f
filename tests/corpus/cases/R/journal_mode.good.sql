-- Case: allowed pragmas in the forms that D1 accepts
-- Source: d1-facts §1.3
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada'), (2, 'Bob');
-- == migration
PRAGMA foreign_keys = ON;
PRAGMA table_info(users);
PRAGMA foreign_key_check;
PRAGMA optimize;
SELECT name FROM pragma_table_info('users');
