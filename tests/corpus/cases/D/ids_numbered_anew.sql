-- Case: a rebuild gives every row another id
-- Source: -
-- Expect: D119
-- == before
CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT);
-- == rows
INSERT INTO notes VALUES (1, 'a'), (1000, 'b'), (2000, 'c');
-- == migration
CREATE TABLE notes_new (id INTEGER PRIMARY KEY, body TEXT);
INSERT INTO notes_new SELECT row_number() OVER (ORDER BY id), body FROM notes;
DROP TABLE notes;
ALTER TABLE notes_new RENAME TO notes;
