-- Case: a partial UNIQUE index is not enough for a foreign key
-- Source: -
-- Expect: S105
-- == before
CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, role TEXT);
-- == migration
CREATE TABLE tags (id INTEGER PRIMARY KEY, name TEXT);
CREATE UNIQUE INDEX tags_name ON tags(name) WHERE name IS NOT NULL;
CREATE TABLE tagged (id INTEGER PRIMARY KEY, tag TEXT REFERENCES tags(name));
CREATE INDEX tagged_tag ON tagged(tag);
