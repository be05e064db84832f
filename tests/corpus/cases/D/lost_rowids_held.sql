-- Case: held and refilled without its rowids, under a content_rowid written out
-- Source: d1-facts §2.3
-- Expect: D112
-- == before
CREATE TABLE pages (slug TEXT PRIMARY KEY, body TEXT);
CREATE VIRTUAL TABLE pages_fts USING fts5(body, content="pages", content_rowid="rowid");
-- == rows
INSERT INTO pages VALUES ('a', 'tea'), ('b', 'milk'), ('c', 'sugar');
DELETE FROM pages WHERE slug = 'a';
INSERT INTO pages_fts(pages_fts) VALUES ('rebuild');
-- == migration
CREATE TABLE hold AS SELECT slug, body FROM pages;
DROP TABLE pages;
CREATE TABLE pages (slug TEXT PRIMARY KEY, body TEXT, title TEXT);
INSERT INTO pages (slug, body) SELECT slug, body FROM hold;
DROP TABLE hold;
