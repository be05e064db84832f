-- Case: two columns are joined into one, which is NULL where one of them is, and dropped
-- Source: -
-- Expect: D105
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, first TEXT, last TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ann', 'Lee'), (2, 'Bob', NULL);
-- == migration
ALTER TABLE users ADD COLUMN name TEXT;
UPDATE users SET name = first || ' ' || last;
ALTER TABLE users DROP COLUMN first;
ALTER TABLE users DROP COLUMN last;
