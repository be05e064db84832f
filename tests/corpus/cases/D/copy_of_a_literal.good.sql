-- Case: a rebuild copies the column, in quotes that are for names
-- Source: -
-- Expect:
-- == before
CREATE TABLE bookmarks (id INTEGER PRIMARY KEY, label TEXT);
-- == rows
INSERT INTO bookmarks VALUES (1, 'home'), (2, 'work');
-- == migration
CREATE TABLE bookmarks_new (id INTEGER PRIMARY KEY, label TEXT, port INTEGER);
INSERT INTO bookmarks_new (id, label) SELECT id, "label" FROM bookmarks;
DROP TABLE bookmarks;
ALTER TABLE bookmarks_new RENAME TO bookmarks;
