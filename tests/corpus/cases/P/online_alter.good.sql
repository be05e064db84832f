-- Case: a column is added by ALTER TABLE, which needs no copy of the table
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada');
-- == migration
ALTER TABLE users ADD COLUMN role TEXT;
