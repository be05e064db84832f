-- Case: a rebuild that ignores the rows it cannot copy
-- Source: -
-- Expect: D116
-- == before
CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT);
-- == rows
INSERT INTO tags VALUES (1, 'a'), (2, 'a');
-- == migration
CREATE TABLE tags_new (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
INSERT OR IGNORE INTO tags_new SELECT id, name FROM tags;
DROP TABLE tags;
ALTER TABLE tags_new RENAME TO tags;
