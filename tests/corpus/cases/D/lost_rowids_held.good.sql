-- Case: the rowids are renumbered, and the index is built again
-- Source: -
-- Expect:
-- == before
CREATE TABLE pages (slug TEXT PRIMARY KEY, body TEXT);
CREATE VIRTUAL TABLE pages_fts USING fts5(body, content='pages');
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
INSERT INTO pages_fts(pages_fts) VALUES ('rebuild');
