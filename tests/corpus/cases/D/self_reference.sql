-- Case: the new table refers to the old name: dropping it deletes the copied rows
-- Source: d1-facts §2.2
-- Expect: D102
-- Loses: tree
-- == before
CREATE TABLE tree (id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES tree(id) ON DELETE CASCADE, label TEXT);
CREATE INDEX tree_parent ON tree(parent_id);
-- == rows
INSERT INTO tree VALUES (1, NULL, 'root'), (2, 1, 'left'), (3, 2, 'leaf');
-- == migration
CREATE TABLE tree_new (
  id INTEGER PRIMARY KEY, parent_id INTEGER REFERENCES tree(id) ON DELETE CASCADE, label TEXT, note TEXT
);
INSERT INTO tree_new (id, parent_id, label) SELECT id, parent_id, label FROM tree;
DROP TABLE tree;
ALTER TABLE tree_new RENAME TO tree;
CREATE INDEX tree_parent ON tree(parent_id);
