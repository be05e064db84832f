-- Case: the copied rows refer to the old table with NO ACTION and hold it fast
-- Source: -
-- Expect: F108
-- == before
CREATE TABLE people (id INTEGER PRIMARY KEY, mother INTEGER REFERENCES people(id), name TEXT NOT NULL);
CREATE INDEX people_mother ON people(mother);
-- == rows
INSERT INTO people VALUES (1, NULL, 'Eve'), (2, 1, 'Abel');
-- == migration
CREATE TABLE people_new (id INTEGER PRIMARY KEY, mother INTEGER REFERENCES people(id), name TEXT);
INSERT INTO people_new SELECT * FROM people;
DROP TABLE people;
ALTER TABLE people_new RENAME TO people;
CREATE INDEX people_mother ON people(mother);
