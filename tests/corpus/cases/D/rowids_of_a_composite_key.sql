-- Case: a composite primary key that begins with an INTEGER is not the rowid
-- Source: -
-- Expect: D112
-- == before
CREATE TABLE notes (id INTEGER, lang TEXT, body TEXT, PRIMARY KEY (id, lang));
CREATE VIRTUAL TABLE notes_fts USING fts5(body, content='notes');
-- == migration
CREATE TABLE notes_new (id INTEGER, lang TEXT, body TEXT, tag TEXT, PRIMARY KEY (id, lang));
INSERT INTO notes_new (id, lang, body) SELECT id, lang, body FROM notes;
DROP TABLE notes;
ALTER TABLE notes_new RENAME TO notes;
