-- Case: an UPDATE fires triggers that delete entries of an index and write them again
-- Source: -
-- Expect:
-- == before
CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT);
CREATE TABLE words (note_id INTEGER PRIMARY KEY, size INTEGER);
CREATE VIRTUAL TABLE notes_fts USING fts5(body);
CREATE TRIGGER notes_changed AFTER UPDATE ON notes BEGIN
  DELETE FROM words WHERE note_id = old.id;
  INSERT INTO words VALUES (new.id, length(new.body));
  DELETE FROM notes_fts WHERE rowid = old.id;
  INSERT INTO notes_fts (rowid, body) VALUES (new.id, new.body);
END;
-- == rows
INSERT INTO notes VALUES (1, 'one');
INSERT INTO words VALUES (1, 3);
INSERT INTO notes_fts (rowid, body) VALUES (1, 'one');
-- == migration
UPDATE notes SET body = 'two' WHERE id = 1;
