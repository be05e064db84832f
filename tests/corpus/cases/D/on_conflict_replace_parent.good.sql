-- Case: INSERT OR IGNORE overrules the table's ON CONFLICT REPLACE
-- Source: -
-- Expect:
-- == before
CREATE TABLE tags (name TEXT PRIMARY KEY ON CONFLICT REPLACE, colour TEXT);
CREATE TABLE tagged (tag TEXT REFERENCES tags(name) ON DELETE CASCADE, item INTEGER, PRIMARY KEY (tag, item));
-- == rows
INSERT INTO tags VALUES ('hot', 'red'), ('cold', 'blue');
INSERT INTO tagged VALUES ('hot', 1), ('cold', 2);
-- == migration
INSERT OR IGNORE INTO tags (name, colour) VALUES ('hot', 'orange');
