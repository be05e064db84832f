-- Case: UPDATE without WHERE
-- Source: -
-- Expect: D107
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, role TEXT);
-- == migration
UPDATE users SET role = 'user';
