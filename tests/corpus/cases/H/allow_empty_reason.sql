-- Case: an empty reason does not count
-- Source: -
-- Expect: D106 H111
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
-- d1migrate: allow=D106 reason=""
DELETE FROM users;
