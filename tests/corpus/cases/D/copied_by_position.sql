-- Case: a rebuild that copies * into columns in another order
-- Source: -
-- Expect: D115
-- == before
CREATE TABLE people (id INTEGER PRIMARY KEY, first TEXT, last TEXT);
-- == rows
INSERT INTO people VALUES (1, 'Ada', 'Lovelace');
-- == migration
CREATE TABLE people_new (id INTEGER PRIMARY KEY, last TEXT, first TEXT);
INSERT INTO people_new SELECT * FROM people;
DROP TABLE people;
ALTER TABLE people_new RENAME TO people;
