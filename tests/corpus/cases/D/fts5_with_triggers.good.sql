-- Case: a search index with its sync triggers, one line each
-- Source: nuxt-hub/core#442
-- Expect:
-- == before
CREATE TABLE docs (id INTEGER PRIMARY KEY, body TEXT);
-- == rows
INSERT INTO docs VALUES (1, 'tea'), (2, 'milk');
-- == migration
CREATE VIRTUAL TABLE IF NOT EXISTS docs_fts USING fts5(body, content='docs', content_rowid='id');
CREATE TRIGGER docs_ai AFTER INSERT ON docs BEGIN INSERT INTO docs_fts(rowid, body) VALUES (NEW.id, NEW.body); END;
CREATE TRIGGER docs_ad AFTER DELETE ON docs BEGIN INSERT INTO docs_fts(docs_fts, rowid, body) VALUES ('delete', OLD.id, OLD.body); END;
CREATE TRIGGER docs_au AFTER UPDATE ON docs BEGIN INSERT INTO docs_fts(docs_fts, rowid, body) VALUES ('delete', OLD.id, OLD.body); INSERT INTO docs_fts(rowid, body) VALUES (NEW.id, NEW.body); END;
INSERT INTO docs_fts(docs_fts) VALUES ('rebuild');
