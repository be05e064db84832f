-- Case: REPLACE INTO a tree deletes the branch below the replaced row
-- Source: -
-- Expect: D103
-- Loses: tree
-- == before
CREATE TABLE tree (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES tree(id) ON DELETE CASCADE, label TEXT);
CREATE INDEX tree_parent ON tree(parent_id);
-- == rows
INSERT INTO tree VALUES (1, NULL, 'root'), (2, 1, 'left'), (3, 2, 'leaf');
-- == migration
REPLACE INTO tree VALUES (2, 1, 'links');
