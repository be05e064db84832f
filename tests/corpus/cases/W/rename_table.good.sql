-- Case: a table and a column made in this file may be renamed
-- Source: -
-- Expect:
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == rows
INSERT INTO users VALUES (1, 'Ada'), (2, 'Bob');
-- == migration
CREATE TABLE people_draft (id INTEGER PRIMARY KEY, name TEXT);
ALTER TABLE people_draft RENAME COLUMN name TO full_name;
ALTER TABLE people_draft RENAME TO people;
