-- Case: a rebuild forgets the triggers that keep the search index
-- Source: PerpetualSoftware/pad#264
-- Expect: D110
-- == before
CREATE TABLE docs (id INTEGER PRIMARY KEY, body TEXT);
CREATE VIRTUAL TABLE docs_fts USING fts5(body, content='docs', content_rowid='id');
CREATE TRIGGER docs_ai AFTER INSERT ON docs BEGIN INSERT INTO docs_fts(rowid, body) VALUES (NEW.id, NEW.body); END;
-- == rows
INSERT INTO docs VALUES (1, 'tea'), (2, 'milk');
-- == migration
CREATE TABLE docs_new (id INTEGER PRIMARY KEY, body TEXT, title TEXT);
INSERT INTO docs_new (id, body) SELECT id, body FROM docs;
DROP TABLE docs;
ALTER TABLE docs_new RENAME TO docs;
