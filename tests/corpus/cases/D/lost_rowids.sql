-- Case: a rebuild renumbers the rowids that an external content index points to
-- Source: d1-facts §2.3
-- Expect: D112
-- == before
CREATE TABLE pages (slug TEXT PRIMARY KEY, body TEXT);
CREATE VIRTUAL TABLE pages_fts USING fts5(body, content='pages');
-- == rows
INSERT INTO pages VALUES ('a', 'tea'), ('b', 'milk'), ('c', 'sugar');
DELETE FROM pages WHERE slug = 'a';
INSERT INTO pages_fts(pages_fts) VALUES ('rebuild');
-- == migration
CREATE TABLE pages_new (slug TEXT PRIMARY KEY, body TEXT, title TEXT);
INSERT INTO pages_new (slug, body) SELECT slug, body FROM pages;
DROP TABLE pages;
ALTER TABLE pages_new RENAME TO pages;
