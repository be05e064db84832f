-- Case: SQLite refuses to delete from a parent whose key is only a partial unique index
-- Source: -
-- Expect: R106
-- == before
CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT);
CREATE UNIQUE INDEX tags_name ON tags(name) WHERE name IS NOT NULL;
CREATE TABLE tagged (id INTEGER PRIMARY KEY, tag TEXT REFERENCES tags(name)); -- d1migrate: allow=S105 reason="the case is about what follows"
CREATE INDEX tagged_tag ON tagged(tag);
-- == migration
DELETE FROM tags WHERE id = 1;
