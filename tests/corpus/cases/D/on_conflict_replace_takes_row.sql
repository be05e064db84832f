-- Case: a plain INSERT deletes the row with the same UNIQUE ON CONFLICT REPLACE value
-- Source: -
-- Expect: D118
-- == before
CREATE TABLE pages (id INTEGER PRIMARY KEY, slug TEXT UNIQUE ON CONFLICT REPLACE, body TEXT);
-- == rows
INSERT INTO pages VALUES (1, 'about', 'text');
-- == migration
INSERT INTO pages (id, slug) VALUES (3, 'about');
