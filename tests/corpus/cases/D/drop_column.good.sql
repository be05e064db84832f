-- Case: a column added in this file is dropped again
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, age INTEGER);
-- == rows
INSERT INTO users VALUES (1, 'Ada', 36);
-- == migration
ALTER TABLE users ADD COLUMN tmp TEXT;
UPDATE users SET tmp = trim(name);
UPDATE users SET name = tmp WHERE name <> tmp;
ALTER TABLE users DROP COLUMN tmp;
