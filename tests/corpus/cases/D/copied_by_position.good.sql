-- Case: a rebuild that copies * into columns in another order, by name
-- Source: -
-- Expect:
-- == before
CREATE TABLE people (id INTEGER PRIMARY KEY, first TEXT, last TEXT);
-- == rows
INSERT INTO people VALUES (1, 'Ada', 'Lovelace');
-- == migration
CREATE TABLE people_new (id INTEGER PRIMARY KEY, last TEXT, first TEXT);
INSERT INTO people_new (id, last, first) SELECT id, last, first FROM people;
DROP TABLE people;
ALTER TABLE people_new RENAME TO people;
