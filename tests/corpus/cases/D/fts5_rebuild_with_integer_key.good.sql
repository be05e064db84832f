-- Case: external content by an INTEGER PRIMARY KEY survives a rebuild
-- Source: d1-facts §2.3
-- Expect:
-- == before
CREATE TABLE docs (id INTEGER PRIMARY KEY, body TEXT);
CREATE VIRTUAL TABLE docs_fts USING fts5(body, content='docs', content_rowid='id');
-- == rows
INSERT INTO docs VALUES (5, 'tea'), (9, 'milk');
INSERT INTO docs_fts(docs_fts) VALUES ('rebuild');
-- == migration
CREATE TABLE docs_new (id INTEGER PRIMARY KEY, body TEXT, title TEXT);
INSERT INTO docs_new (id, body) SELECT id, body FROM docs;
DROP TABLE docs;
ALTER TABLE docs_new RENAME TO docs;
