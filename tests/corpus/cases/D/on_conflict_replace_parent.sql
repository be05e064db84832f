-- Case: a plain INSERT replaces rows if the table declares ON CONFLICT REPLACE
-- Source: -
-- Expect: D103
-- Loses: tagged
-- == before
CREATE TABLE tags (name TEXT PRIMARY KEY ON CONFLICT REPLACE, colour TEXT);
CREATE TABLE tagged (tag TEXT REFERENCES tags(name) ON DELETE CASCADE, item INTEGER, PRIMARY KEY (tag, item));
-- == rows
INSERT INTO tags VALUES ('hot', 'red'), ('cold', 'blue');
INSERT INTO tagged VALUES ('hot', 1), ('cold', 2);
-- == migration
INSERT INTO tags (name, colour) VALUES ('hot', 'orange');
