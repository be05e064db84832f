-- Case: a rebuild copies a text where it means the column of that name
-- Source: -
-- Expect: D119
-- == before
CREATE TABLE bookmarks (id INTEGER PRIMARY KEY, label TEXT);
-- == rows
INSERT INTO bookmarks VALUES (1, 'home'), (2, 'work');
-- == migration
CREATE TABLE bookmarks_new (id INTEGER PRIMARY KEY, label TEXT, port INTEGER);
INSERT INTO bookmarks_new (id, label) SELECT id, 'label' FROM bookmarks;
DROP TABLE bookmarks;
ALTER TABLE bookmarks_new RENAME TO bookmarks;
