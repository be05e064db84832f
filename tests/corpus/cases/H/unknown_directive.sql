-- Case: a directive that is not valid
-- Source: -
-- Expect: H111
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
-- d1migrate: ignore D106
ALTER TABLE users ADD COLUMN email TEXT;
