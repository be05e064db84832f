-- Case: a word that is not SQL
-- Source: -
-- Expect: R106
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
-- == migration
CREATE TABEL teams (id INTEGER PRIMARY KEY);
