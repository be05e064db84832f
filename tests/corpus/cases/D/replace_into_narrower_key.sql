-- Case: a rebuild with REPLACE into a key whose collation treats different old values as equal
-- Source: -
-- Expect: D116
-- == before
CREATE TABLE tags (name TEXT PRIMARY KEY, colour TEXT);
-- == rows
INSERT INTO tags VALUES ('a', 'red'), ('A', 'blue');
-- == migration
CREATE TABLE tags_new (name TEXT COLLATE NOCASE PRIMARY KEY, colour TEXT);
REPLACE INTO tags_new SELECT * FROM tags;
DROP TABLE tags;
ALTER TABLE tags_new RENAME TO tags;
